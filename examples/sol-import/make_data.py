#!/usr/bin/env python3
"""Writes data/rules.csv and planted.json: synthetic limitation rules with known faults.

Every value is made up; the statute ids begin with SYN so that nobody takes them for law.
The same seed writes the same bytes, because only `Random.random()` is used, which Python promises to keep.

    python3 make_data.py [--seed N]
"""
import argparse
import csv
import datetime
import io
import json
import pathlib
import random

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20260131

COLUMNS = [
    "rule_id", "jurisdiction", "claim", "statute", "limitation_years", "accrual_offset_days",
    "repose_years", "discovery_rule", "effective_on", "repealed_on", "title",
]

JURISDICTIONS = {
    "AZ": "Arizona", "CA": "California", "CO": "Colorado", "FL": "Florida", "GA": "Georgia", "IL": "Illinois",
    "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "NJ": "New Jersey", "NY": "New York", "OH": "Ohio",
    "OR": "Oregon", "PA": "Pennsylvania", "PR": "Puerto Rico", "TX": "Texas", "VA": "Virginia", "WA": "Washington",
}

# Claim -> the usual number of years; a jurisdiction differs from it by at most one.
CLAIMS = {
    "accountant_malpractice": 3, "assault": 2, "consumer_protection": 3, "conversion": 3, "false_imprisonment": 2,
    "fraud": 4, "legal_malpractice": 3, "libel": 2, "medical_malpractice": 2, "nuisance": 3, "open_account": 4,
    "oral_contract": 5, "personal_injury": 3, "premises_liability": 2, "product_liability": 3, "promissory_note": 6,
    "property_damage": 4, "replevin": 3, "sale_of_goods": 4, "slander": 2, "trespass": 3, "unjust_enrichment": 4,
    "written_contract": 6, "wrongful_death": 2,
}

OFFSETS = [0, 0, 30, 30, 45, 60, 60, 90, 90, 120, 180]

TITLES = [
    "Limitation of actions: {claim} in {place}",
    "Time to sue for {claim}, {place} (synthetic)",
    "{place} limitation rule \u2014 {claim}",
    'Actions for {claim}, the so-called "{place} rule"',
    "Plazo de prescripci\u00f3n en {place}: {claim}",
    "Limitation of actions\n{claim}, {place}",
]


class Chance:
    """Choices that stay the same over versions of Python."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def below(self, count):
        return int(self.random() * count)

    def pick(self, options):
        return options[self.below(len(options))]


def iso(ordinal):
    return datetime.date.fromordinal(ordinal).isoformat()


def sound_rows(chance):
    """All rules without a fault, ordered by jurisdiction and claim."""
    rows = []
    for code, place in JURISDICTIONS.items():
        number = 0
        for claim, usual in CLAIMS.items():
            years = max(1, usual + chance.pick([-1, 0, 0, 0, 1]))
            versions = 1 + chance.below(5)
            starts = sorted({datetime.date(1970 + chance.below(54), 1, 1).toordinal() + 31 * chance.below(12) for _ in range(versions)})
            for version, start in enumerate(starts):
                number += 1
                last = version + 1 == len(starts)
                rows.append({
                    "rule_id": f"{code}-{number:04d}",
                    "jurisdiction": code,
                    "claim": claim,
                    "statute": f"SYN {code} {10 + number // 7}.{100 + 3 * number:03d}",
                    "limitation_years": str(years),
                    "accrual_offset_days": str(chance.pick(OFFSETS)),
                    "repose_years": str(years + chance.below(6)) if chance.below(10) < 3 else "",
                    "discovery_rule": chance.pick(["true", "false"]),
                    "effective_on": iso(start),
                    "repealed_on": "" if last else iso(starts[version + 1]),
                    "title": title(chance, claim, place),
                })
                years = max(1, min(7, years + chance.pick([-1, 0, 0, 1])))
    return rows


def title(chance, claim, place):
    form = TITLES[-1] if chance.below(150) == 0 else TITLES[-2] if place == "Puerto Rico" else chance.pick(TITLES[:-2])
    return form.format(claim=claim.replace("_", " "), place=place)


def line_of(row):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(row[name] for name in COLUMNS)
    return out.getvalue().encode()


# What each kind of fault does to a sound row. The result is the record as bytes.

def changed(**values):
    return lambda row, _: line_of({**row, **values})


def wrong_date_format(row, _):
    year, month, day = row["effective_on"].split("-")
    return line_of({**row, "effective_on": f"{month}/{day}/{year}"})


def number_with_text(row, _):
    return line_of({**row, "limitation_years": row["limitation_years"] + " years"})


def letter_for_digit(row, _):
    return line_of({**row, "statute": row["statute"][:-2] + "O" + row["statute"][-1]})


def duplicate_key(row, before):
    return line_of({**row, "rule_id": before["rule_id"]})


def unquoted_comma(row, _):
    return line_of({**row, "title": "Limitation of actions"}).rstrip(b"\n") + b", as amended\n"


def cut_off(row, _):
    return b",".join(line_of({**row, "title": "x"}).split(b",")[:7]) + b"\n"


def shifted_columns(row, _):
    values = [row[name] for name in COLUMNS]
    del values[2]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([*values, ""])
    return out.getvalue().encode()


def broken_encoding(row, _):
    return line_of({**row, "title": "Limitation of actions, @ 12"}).replace(b"@", "\u00a7".encode("latin-1"))


def effective_after_repeal(row, _):
    return line_of({**row, "effective_on": row["repealed_on"], "repealed_on": row["effective_on"]})


def double_encoding(row, _):
    return line_of({**row, "title": row["title"].encode().decode("latin-1")})


def repose_below_limitation(row, _):
    return line_of({**row, "limitation_years": "5", "repose_years": "3"})


def foreign_statute(row, _):
    other = "TX" if row["jurisdiction"] != "TX" else "NY"
    return line_of({**row, "statute": f"SYN {other}{row['statute'][6:]}"})


def months_for_years(row, _):
    return line_of({**row, "limitation_years": str(12 * int(row["limitation_years"])), "repose_years": ""})


def plain(row, _before, _after):
    return "\n" not in row["title"]


def follows_sibling(row, before, _after):
    return plain(row, before, None) and before["jurisdiction"] == row["jurisdiction"]


def repealed(row, before, after):
    return plain(row, before, after) and row["repealed_on"] != ""


def spanish(row, before, after):
    return plain(row, before, after) and row["jurisdiction"] == "PR"


def in_force_two_years(row, before, after):
    return plain(row, before, after) and row["repealed_on"] == "" and int(row["limitation_years"]) >= 2


# kind, where it must show up, the column it is about, which rule or check finds it, how it is made, which rows suit it
FAULTS = [
    ("impossible_date", "rejected", "effective_on", "type", changed(effective_on="2019-02-30"), plain),
    ("impossible_date", "rejected", "repealed_on", "type", changed(repealed_on="2024-13-01"), plain),
    ("wrong_date_format", "rejected", "effective_on", "type", wrong_date_format, plain),
    ("wrong_date_format", "rejected", "effective_on", "type", wrong_date_format, plain),
    ("number_with_text", "rejected", "limitation_years", "type", number_with_text, plain),
    ("number_with_text", "rejected", "accrual_offset_days", "type", changed(accrual_offset_days="sixty"), plain),
    ("missing_required", "rejected", "statute", "required", changed(statute=""), plain),
    ("missing_required", "rejected", "limitation_years", "required", changed(limitation_years=""), plain),
    ("duplicate_key", "rejected", "rule_id", "unique", duplicate_key, follows_sibling),
    ("duplicate_key", "rejected", "rule_id", "unique", duplicate_key, follows_sibling),
    ("unknown_jurisdiction", "rejected", "jurisdiction", "enum", changed(jurisdiction="ZZ"), plain),
    ("unknown_jurisdiction", "rejected", "jurisdiction", "enum", changed(jurisdiction="Tex."), plain),
    ("below_minimum", "rejected", "limitation_years", "minimum", changed(limitation_years="0"), plain),
    ("letter_for_digit", "rejected", "statute", "pattern", letter_for_digit, plain),
    ("letter_for_digit", "rejected", "statute", "pattern", letter_for_digit, plain),
    ("unquoted_comma", "rejected", None, "values", unquoted_comma, plain),
    ("cut_off_row", "rejected", None, "values", cut_off, plain),
    ("shifted_columns", "rejected", "claim", "enum", shifted_columns, plain),
    ("broken_encoding", "rejected", "title", "encoding", broken_encoding, plain),
    ("broken_encoding", "rejected", "title", "encoding", broken_encoding, plain),
    ("effective_after_repeal", "violations", "effective_on", "effective-before-repeal", effective_after_repeal, repealed),
    ("effective_after_repeal", "violations", "effective_on", "effective-before-repeal", effective_after_repeal, repealed),
    ("double_encoding", "violations", "title", "title-is-readable", double_encoding, spanish),
    ("double_encoding", "violations", "title", "title-is-readable", double_encoding, spanish),
    ("repose_below_limitation", "violations", "repose_years", "repose-covers-limitation", repose_below_limitation, plain),
    ("repose_below_limitation", "violations", "repose_years", "repose-covers-limitation", repose_below_limitation, plain),
    ("foreign_statute", "violations", "statute", "statute-of-jurisdiction", foreign_statute, plain),
    ("foreign_statute", "violations", "statute", "statute-of-jurisdiction", foreign_statute, plain),
    ("months_for_years", "anomalies", "limitation_years", "robust_z", months_for_years, in_force_two_years),
    ("months_for_years", "anomalies", "limitation_years", "robust_z", months_for_years, in_force_two_years),
    ("months_for_years", "anomalies", "limitation_years", "robust_z", months_for_years, in_force_two_years),
    ("months_for_years", "anomalies", "limitation_years", "robust_z", months_for_years, in_force_two_years),
    ("impossible_accrual_offset", "anomalies", "accrual_offset_days", "robust_z", changed(accrual_offset_days="36500"), plain),
    ("impossible_accrual_offset", "anomalies", "accrual_offset_days", "robust_z", changed(accrual_offset_days="-3650"), plain),
    ("impossible_accrual_offset", "anomalies", "accrual_offset_days", "robust_z", changed(accrual_offset_days="99999"), plain),
]


def places(chance, rows):
    """One row for each fault: suitable, and with sound neighbours on both sides."""
    taken = {}
    for fault in FAULTS:
        while True:
            at = 1 + chance.below(len(rows) - 2)
            free = not any(near in taken for near in (at - 1, at, at + 1))
            if free and fault[5](rows[at], rows[at - 1], rows[at + 1]):
                taken[at] = fault
                break
    return taken


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seed", type=int, default=SEED)
    seed = arguments.parse_args().seed
    chance = Chance(seed)
    rows = sound_rows(chance)
    faults = places(chance, rows)
    body = (",".join(COLUMNS) + "\n").encode()
    planted, accepted = [], 0
    for index, row in enumerate(rows):
        if index in faults:
            kind, shows_in, column, found_by, make, _ = faults[index]
            accepted += shows_in != "rejected"
            planted.append({
                "kind": kind, "row": index + 1, "line": body.count(b"\n") + 1,
                "accepted_row": None if shows_in == "rejected" else accepted, "rule_id": row["rule_id"],
                "shows_in": shows_in, "column": column, "found_by": found_by,
            })
            body += make(row, rows[index - 1])
        else:
            accepted += 1
            body += line_of(row)
    (HERE / "data").mkdir(exist_ok=True)
    (HERE / "data" / "rules.csv").write_bytes(body)
    counted = {place: sum(fault["shows_in"] == place for fault in planted) for place in ("rejected", "violations", "anomalies")}
    document = {
        "about": "Faults planted in data/rules.csv. `row` counts records after the header from 1, `accepted_row` only those that are accepted; "
        "`line` is the line on which the record begins, `rule_id` the one before the fault.",
        "seed": seed, "rows": len(rows), "counts": counted, "faults": planted,
    }
    (HERE / "planted.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
