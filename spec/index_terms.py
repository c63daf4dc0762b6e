"""Makes the terms of blind indexes by format.md §4 and §7, with the standard library and nothing of Fieldseal. Prints vectors/blind-index-kinds.json:

    python3 index_terms.py > vectors/blind-index-kinds.json
"""
import datetime, hashlib, hmac, itertools, json, re, struct, sys, unicodedata
from fractions import Fraction
from math import ceil

def pae(*pieces):
    pieces = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    return struct.pack("<Q", len(pieces)) + b"".join(struct.pack("<Q", len(piece)) + piece for piece in pieces)

def hkdf(key, info):  # RFC 5869 with an empty salt, 32 bytes
    return hmac.digest(hmac.digest(bytes(32), key, "sha256"), info + b"\x01", "sha256")

def without_marks(text):
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.category(c)[0] != "M"))

NORMALISERS = {"trim": str.strip, "lowercase": str.lower, "nfkc": lambda text: unicodedata.normalize("NFKC", text),
               "diacritics": without_marks, "digits": lambda text: re.sub("[^0-9]", "", text) or text,
               "email": lambda text: unicodedata.normalize("NFC", unicodedata.normalize("NFC", text.strip()).lower()),
               "last4": lambda text: text[-4:], "year": lambda text: text[:4], "month": lambda text: text[:7]}
OF_DATES = ("year", "month")

def normal(text, names, type, several):
    for name in names:
        if not several or (type == "DateTime") == (name in OF_DATES):
            text = NORMALISERS[name](text)
    return text

EPOCH = datetime.datetime(1970, 1, 1)

def time(text):  # seconds since the epoch
    return Fraction((datetime.datetime.fromisoformat(text.rstrip("Z")) - EPOCH) // datetime.timedelta(microseconds=1), 10**6)

def date_text(seconds):
    moment = EPOCH + datetime.timedelta(microseconds=int(seconds * 10**6))
    return moment.isoformat(timespec="milliseconds") + "Z"

def number_text(number):
    text = format(number.numerator * 10**30 // number.denominator, "d")
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("", text)
    digits = digits.rjust(31, "0")
    return sign + (digits[:-30] + "." + digits[-30:]).rstrip("0").rstrip(".")

def bucket(value, kind, start, end, step):
    """Bounds of the bucket of a value, by walking from one to the next: slow, and not how anybody would write it twice."""
    dates = kind == "DateTime"
    read, write = (time, date_text) if dates else (Fraction, number_text)
    value, start, end = read(value), read(start), read(end)
    months = {"month": 1, "year": 12}.get(step) if dates else None
    width = {"day": Fraction(86400), "week": Fraction(7 * 86400)}.get(step) or (None if months else Fraction(step))
    if value < start:
        return "", write(start)
    if value >= end:
        return write(end), ""
    lower = start
    for count in itertools.count(1):
        if months:
            first = EPOCH + datetime.timedelta(seconds=int(start))
            index = first.year * 12 + first.month - 1 + count * months
            upper = time(datetime.datetime(index // 12, index % 12 + 1, 1).isoformat())
        else:
            upper = start + count * width
        upper = min(upper, end)
        if value < upper:
            return write(lower), write(upper)
        lower = upper

def messages(case):
    """Lists of texts that the MACs are over: all partitions of an equality index, all pieces of a text."""
    kind, p = case["kind"], case["parameters"]
    if kind == "range":
        return [("bucket", *bucket(case["values"][0], case["types"][0], p["from"], p["to"], p["step"]))]
    several = len(case["values"]) > 1
    texts = [normal(text, case["normalize"], type, several) for text, type in zip(case["values"], case["types"])]
    if kind == "equality":
        count = p.get("partitions", 1)
        return [("equality", *texts)] if count == 1 else [("partition", str(at), *texts) for at in range(count)]
    [text] = texts
    if kind == "ngram":
        return [("ngram", str(p["n"]), text[at:at + p["n"]]) for at in range(len(text) - p["n"] + 1)]
    lengths = range(p["min"], min(p["max"], len(text)) + 1)
    return [(kind, str(n), text[:n] if kind == "prefix" else text[len(text) - n:]) for n in lengths]

def term(case, key, message):
    digits, bits = hmac.digest(key, pae(*message), "sha256").hex(), case["bits"]
    kept = int(digits, 16) >> (256 - bits) << (-bits % 4)
    return f"{case['version']}.{kept:0{ceil(bits / 4)}x}"

def answer(case):
    names = [name for source in case["sources"] for name in source]
    key = hkdf(bytes.fromhex(case["root"]), pae("fieldseal/v1/index-kind", case["kind"], case["name"], *names))
    terms = [term(case, key, message) for message in messages(case)]
    return {**case, "kindKey": key.hex(), "terms": terms if "partitions" in case["parameters"] else sorted(set(terms))}

NAME, NOTES, BORN = ["Patient", "name"], ["Patient", "notes"], ["Patient", "born"]
AGES = {"from": "0", "to": "120", "step": "5"}
CASES = [
    ("equality", [NAME, BORN], ["String", "DateTime"], ["lowercase"], {}, ["LOVELACE", "1815-12-10T00:00:00.000Z"], 128),
    ("equality", [BORN, NAME], ["DateTime", "String"], ["trim", "year"], {}, ["1815-12-10T00:00:00.000Z", " Ada "], 128),
    ("equality", [NAME, NOTES], ["String", "String"], [], {}, ["", ""], 256),
    ("equality", [NAME, NOTES], ["String", "String"], [], {}, ["ab", "c"], 40),
    ("equality", [NAME, NOTES], ["String", "String"], [], {}, ["a", "bc"], 40),
    ("equality", [NAME], ["String"], [], {"partitions": 4}, ["Zażółć"], 128),
    ("equality", [NAME], ["String"], ["email"], {"partitions": 2}, [" Ada@Example.COM "], 17),
    ("equality", [NAME, NOTES], ["String", "String"], ["nfkc"], {"partitions": 3}, ["\ufb01n", "x"], 96),
    ("prefix", [NAME], ["String"], [], {"min": 2, "max": 4}, ["Lovelace"], 128),
    ("prefix", [NAME], ["String"], ["trim", "lowercase"], {"min": 1, "max": 10}, [" Ada "], 64),
    ("prefix", [NAME], ["String"], [], {"min": 2, "max": 4}, ["👩‍⚕️ a"], 128),
    ("prefix", [NAME], ["String"], [], {"min": 3, "max": 5}, ["ab"], 128),
    ("suffix", [NAME], ["String"], ["digits"], {"min": 4, "max": 4}, ["+48 123 456"], 128),
    ("suffix", [NAME], ["String"], [], {"min": 2, "max": 4}, ["Lovelace"], 128),
    ("suffix", [NAME], ["String"], [], {"min": 1, "max": 3}, ["a👩🏽"], 99),
    ("ngram", [NOTES], ["String"], ["diacritics", "lowercase"], {"n": 3}, ["Ärger mit Ñandú"], 128),
    ("ngram", [NOTES], ["String"], [], {"n": 3}, ["aaaaaaaa"], 128),
    ("ngram", [NOTES], ["String"], [], {"n": 2}, ["💊💉🩺"], 64),
    ("ngram", [NOTES], ["String"], [], {"n": 3}, ["ab"], 64),
    ("ngram", [NOTES], ["String"], [], {"n": 2}, ["abcabcabc"], 8),
    *[("range", [["Patient", "age"]], ["Int"], [], AGES, [value], 128) for value in ("-1", "0", "4", "5", "119", "120", "2147483647")],
    ("range", [["Bill", "sum"]], ["Decimal"], [], {"from": "-1.5", "to": "1.2", "step": "0.25"}, ["-0.000001"], 128),
    ("range", [["Bill", "sum"]], ["Decimal"], [], {"from": "-1.5", "to": "1.2", "step": "0.25"}, ["-1.5000000000000000000000001"], 128),
    ("range", [["Bill", "sum"]], ["Decimal"], [], {"from": "-1.5", "to": "1.2", "step": "0.25"}, ["1.1999"], 128),
    ("range", [["Bill", "rate"]], ["Float"], [], {"from": "0", "to": "1", "step": "0.1"}, ["0.3"], 128),
    ("range", [["Bill", "no"]], ["BigInt"], [], {"from": "0", "to": "9223372036854775807", "step": "100000000000000000"}, ["9223372036854775806"], 128),
    ("range", [BORN], ["DateTime"], [], {"from": "1900-01-01", "to": "2030-01-01", "step": "year"}, ["1999-12-31T23:59:59.999Z"], 128),
    ("range", [BORN], ["DateTime"], [], {"from": "1900-01-01", "to": "1960-06-15", "step": "month"}, ["1960-06-14T00:00:00.000Z"], 128),
    ("range", [BORN], ["DateTime"], [], {"from": "2020-01-01", "to": "2021-01-01", "step": "week"}, ["2020-02-29T12:00:00.000Z"], 128),
    ("range", [BORN], ["DateTime"], [], {"from": "2020-01-01", "to": "2020-02-01", "step": "day"}, ["2019-12-31T23:59:59.999Z"], 128),
    ("range", [BORN], ["DateTime"], [], {"from": "2020-01-01T12:00Z", "to": "2020-01-02", "step": "90"}, ["2020-01-01T12:01:30.000Z"], 128),
]

vectors = []
for at, (kind, sources, types, normalize, parameters, values, bits) in enumerate(CASES):
    root = hashlib.sha256(b"blind-index-kinds %d" % at).hexdigest()
    vectors.append(answer({"root": root, "version": at % 3 + 1, "kind": kind, "name": "terms", "sources": sources, "types": types,
                           "normalize": normalize, "parameters": parameters, "values": values, "bits": bits}))
json.dump({"description": "index terms of all kinds", "cases": vectors}, sys.stdout, indent=1, ensure_ascii=False)
print()
