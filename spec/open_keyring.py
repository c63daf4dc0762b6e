"""Opens a keyring of suite 0x11 with its raw key, with PyNaCl and nothing of Fieldseal, and prints its keys in the open:

    FIELDSEAL_KEY=… python3 open_keyring.py fieldseal.keyring.json     a line per key: purpose, key id, key, status, scope
"""
import base64, hashlib, hmac, json, os, struct, sys
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as open_aead
from nacl.exceptions import CryptoError

def pae(*pieces):
    pieces = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    return struct.pack("<Q", len(pieces)) + b"".join(struct.pack("<Q", len(piece)) + piece for piece in pieces)

def hkdf(key, info, length=32):  # RFC 5869 with an empty salt, for up to 32 bytes
    return hmac.digest(hmac.digest(bytes(32), key, "sha256"), info + b"\x01", "sha256")[:length]

def base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

def unwrap(key, text, *context):  # suite(1) ‖ nonce(24) ‖ ciphertext(32) ‖ tag(16)
    wrapped = base64url(text)
    if len(wrapped) != 73 or wrapped[0] != 0x11:
        sys.exit("this script knows suite 0x11 only")
    return open_aead(wrapped[25:], pae(*context), wrapped[1:25], key)

def raw_key(text):  # fsk1_ and base64url of key(32) ‖ SHA-256("fsk1_" ‖ key)[:4], or 64 hexadecimal digits
    if len(text) == 64:
        return bytes.fromhex(text)
    key, check = base64url(text[5:])[:32], base64url(text[5:])[32:]
    if not text.startswith("fsk1_") or hashlib.sha256(b"fsk1_" + key).digest()[:4] != check:
        sys.exit("FIELDSEAL_KEY was mistyped")
    return key

def open_root(ring, secret):  # the root key, from the first slot that opens
    for slot in ring["slots"]:
        context = (slot["id"], slot["type"], slot["created"], compact(sorted(slot["params"].items())))
        try:
            return unwrap(hkdf(secret, pae("fieldseal/v1/slot", slot["type"])), slot["wrapped"], "fieldseal/v1/slot", ring["id"], *context)
        except CryptoError:
            continue
    sys.exit("FIELDSEAL_KEY does not open this keyring")

ring = json.load(open(sys.argv[1], encoding="utf-8"))
mac = base64url(ring.pop("mac"))
root = open_root(ring, raw_key(os.environ["FIELDSEAL_KEY"].strip()))
if not hmac.compare_digest(mac, hmac.digest(hkdf(root, pae("fieldseal/v1/keyring-mac")), compact(ring).encode(), "sha256")):
    sys.exit("the keyring was altered")
wrapping = hkdf(root, pae("fieldseal/v1/keyring-kek"))
keks = {kek["id"]: unwrap(wrapping, kek["wrapped"], "fieldseal/v1/kek", ring["id"], kek["id"]) for kek in ring["keks"]}
for keyset in ring["keysets"]:
    for purpose in ("data", "index"):
        for key in (key for key in keyset[purpose]["versions"] if key["wrapped"]):
            context = (key["kekId"], bytes.fromhex(key["keyId"]), keyset["scope"], purpose)
            dek = unwrap(keks[key["kekId"]], key["wrapped"], "fieldseal/v1/dek", *context)
            assert hkdf(dek, b"fieldseal/v1/key-id", 8).hex() == key["keyId"]
            print(purpose, key["keyId"], dek.hex(), key["status"], keyset["scope"])
