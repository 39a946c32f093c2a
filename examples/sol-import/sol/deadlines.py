"""The last day to sue, for every rule that is in force in one jurisdiction."""
import datetime

SATURDAY = 5


def compute(rows, doubtful, jurisdiction, as_of):
    """One deadline for each rule in force, for a claim whose facts happened on `as_of`.

    The clock starts `accrual_offset_days` later and runs for `limitation_years`.
    Repose cuts that short: it runs from the facts themselves.
    A deadline on a weekend moves to the next Monday.
    A doubtful rule gets no deadline: it is counted as held back, for somebody to look at.
    """
    happened = datetime.date.fromisoformat(as_of)
    doubted = {row["rule_id"] for row in doubtful}
    found, held_back = [], 0
    for row in rows:
        if row["jurisdiction"] != jurisdiction or not in_force(row, as_of):
            continue
        if row["rule_id"] in doubted:
            held_back += 1
            continue
        starts = happened + datetime.timedelta(days=row["accrual_offset_days"])
        last, basis = years_after(starts, row["limitation_years"]), "limitation"
        if row["repose_years"] is not None:
            repose = years_after(happened, row["repose_years"])
            if repose < last:
                last, basis = repose, "repose"
        found.append({
            "jurisdiction": jurisdiction, "claim": row["claim"], "statute": row["statute"], "rule_id": row["rule_id"],
            "starts_on": starts.isoformat(), "deadline": working_day(last).isoformat(), "basis": basis,
        })
    return {"rows": found, "count": len(found), "held_back": held_back}


def in_force(row, day):
    """ISO dates compare as text."""
    return row["effective_on"] <= day and (row["repealed_on"] is None or day < row["repealed_on"])


def years_after(day, years):
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February in a year that has none
        return day.replace(year=day.year + years, day=28)


def working_day(day):
    while day.weekday() >= SATURDAY:
        day += datetime.timedelta(days=1)
    return day
