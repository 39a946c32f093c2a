#!/usr/bin/env python3
"""Finds the faults of data/rules.csv with nothing but Python, and compares them with planted.json.

It reads the schema and does by hand what `csv.read`, `csv.validate` and `csv.anomalies` do in the workflow.
It prints the figures as JSON and ends with 1 when a fault is missed or invented.

    python3 check_data.py
"""
import csv
import datetime
import io
import json
import pathlib
import re
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
THRESHOLD = 4.0
ANOMALY_COLUMNS = ("limitation_years", "accrual_offset_days")

RULES = {
    "effective-before-repeal": lambda row: row["repealed_on"] is None or row["effective_on"] < row["repealed_on"],
    "repose-covers-limitation": lambda row: row["repose_years"] is None or row["repose_years"] >= row["limitation_years"],
    "statute-of-jurisdiction": lambda row: row["statute"].startswith(f"SYN {row['jurisdiction']} "),
    "title-is-readable": lambda row: "\u00c3" not in row["title"],
}


def records(body):
    """Each record as (line, values); bytes that are no UTF-8 stay marked as surrogates."""
    text = io.StringIO(body.decode("utf-8", errors="surrogateescape"), newline="")
    reader = csv.reader(text)
    line = 1
    for values in reader:
        yield line, values
        line = reader.line_num + 1


def typed(kind, text):
    if kind == "integer":
        if not re.fullmatch(r"[+-]?[0-9]+", text):
            raise ValueError(text)
        return int(text)
    if kind == "boolean":
        return {"true": True, "false": False}[text]
    if kind == "date":
        if len(text) != 10:
            raise ValueError(text)
        return datetime.date.fromisoformat(text).isoformat()
    return text


def wrong_with(fields, values, seen):
    """The first thing wrong with a record, or the row."""
    if len(values) != len(fields):
        return "values", None
    if any("\udc80" <= sign <= "\udcff" for value in values for sign in value):
        return "encoding", None
    row = {}
    for field, text in zip(fields, values):
        name, rules = field["name"], field.get("constraints", {})
        if text == "":
            if rules.get("required"):
                return "required", None
            row[name] = None
            continue
        try:
            value = row[name] = typed(field["type"], text)
        except (ValueError, KeyError):
            return "type", None
        if "enum" in rules and value not in rules["enum"]:
            return "enum", None
        if "minimum" in rules and value < rules["minimum"]:
            return "minimum", None
        if "pattern" in rules and not re.fullmatch(rules["pattern"], value):
            return "pattern", None
    if row["rule_id"] in seen:
        return "unique", None
    seen.add(row["rule_id"])
    return None, row


def robust_z(values):
    middle = statistics.median(values)
    spread = statistics.median(abs(value - middle) for value in values)
    return [0.6745 * (value - middle) / spread for value in values]


def main():
    fields = json.loads((HERE / "schemas" / "sol.csv.json").read_text())["fields"]
    planted = json.loads((HERE / "planted.json").read_text())
    lines = list(records((HERE / "data" / "rules.csv").read_bytes()))
    assert lines[0][1] == [field["name"] for field in fields], "the header is not the schema's"
    rejected, rows, seen = {}, [], set()
    for line, values in lines[1:]:
        reason, row = wrong_with(fields, values, seen)
        if row is None:
            rejected[line] = reason
        else:
            rows.append((line, row))
    violations = {(line, rule) for line, row in rows for rule, holds in RULES.items() if not holds(row)}
    anomalies, closest = set(), 0.0
    for column in ANOMALY_COLUMNS:
        for (line, _), z in zip(rows, robust_z([row[column] for _, row in rows])):
            if abs(z) > THRESHOLD:
                anomalies.add((line, column))
            else:
                closest = max(closest, abs(z))
    expected = {
        "rejected": {fault["line"]: fault["found_by"] for fault in planted["faults"] if fault["shows_in"] == "rejected"},
        "violations": {(fault["line"], fault["found_by"]) for fault in planted["faults"] if fault["shows_in"] == "violations"},
        "anomalies": {(fault["line"], fault["column"]) for fault in planted["faults"] if fault["shows_in"] == "anomalies"},
    }
    found = {"rejected": rejected, "violations": violations, "anomalies": anomalies}
    wrong = [place for place in expected if found[place] != expected[place]]
    print(json.dumps({
        "rows_in": len(lines) - 1, "rows_ok": len(rows), "rows_rejected": len(rejected),
        "violations": len(violations), "anomalies": len(anomalies),
        "jurisdictions": list(dict.fromkeys(row["jurisdiction"] for _, row in rows)),
        "largest_sound_robust_z": round(closest, 3),
    }))
    for place in wrong:
        print(f"{place}: found {found[place]}, planted {expected[place]}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
