def by_customer(rows):
    totals = {}
    for row in rows:
        totals[row["customer"]] = totals.get(row["customer"], 0) + row["amount"]
    found = [{"customer": customer, "total": total} for customer, total in sorted(totals.items())]
    return {"rows": found, "count": len(found), "total": sum(totals.values())}
