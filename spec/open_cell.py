"""Opens a cell of suite 0x11 by format.md, with PyNaCl and nothing of Fieldseal. The DEK in hexadecimal comes from the environment:

    FIELDSEAL_DEK=… python3 open_cell.py MODEL FIELD fs1:… [COLUMN=VALUE …]     columns: those that the cell is bound to
"""
import base64, datetime, hashlib, hmac, os, struct, sys
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as open_aead
from nacl.exceptions import CryptoError

def pae(*pieces):
    pieces = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    return struct.pack("<Q", len(pieces)) + b"".join(struct.pack("<Q", len(piece)) + piece for piece in pieces)

def hkdf(key, info, length):  # RFC 5869 with an empty salt, for up to 32 bytes
    return hmac.digest(hmac.digest(bytes(32), key, "sha256"), info + b"\x01", "sha256")[:length]

def date(payload):
    time = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=struct.unpack(">q", payload)[0])
    return time.isoformat(timespec="milliseconds") + "Z"

TYPES = {1: ("String", bytes.decode), 2: ("Bytes", bytes.hex), 3: ("Int", bytes.decode), 4: ("BigInt", bytes.decode),
         5: ("Float", lambda payload: struct.unpack(">d", payload)[0]), 6: ("Decimal", bytes.decode),
         7: ("Boolean", lambda payload: {b"\0": "false", b"\1": "true"}[payload]), 8: ("DateTime", date), 9: ("Json", bytes.decode)}

dek = bytes.fromhex(os.environ["FIELDSEAL_DEK"])
model, field, text, *columns = sys.argv[1:]
cell = base64.urlsafe_b64decode(text[4:] + "=" * (-len(text[4:]) % 4))
if text != "fs1:" + base64.urlsafe_b64encode(cell).decode().rstrip("="):
    sys.exit("this is not a cell")
header, nonce, sealed = cell[:9], cell[9:33], cell[33:]
if header != b"\x11" + hkdf(dek, b"fieldseal/v1/key-id", 8):
    sys.exit("the cell is of another suite or under another key")
pairs = [piece for column in columns for piece in column.split("=", 1)]
aad = header + (hashlib.sha256(pae(*pairs)).digest() if pairs else b"")
try:
    plaintext = open_aead(sealed, aad, nonce, hkdf(dek, pae("fieldseal/v1/field", header[:1], model, field), 32))
except CryptoError:
    sys.exit("the cell does not open here")
name, read = TYPES[plaintext[0] & 0x7F]
print(name, read(plaintext[1:].rstrip(b"\0")[:-1] if plaintext[0] & 0x80 else plaintext[1:]))
