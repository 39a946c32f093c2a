"""Yearly figures and daily jumps of a price series."""
import math


def yearly(rows):
    """Lowest, mean and highest price of each year, and the day of the highest."""
    years = {}
    for row in rows:
        if row["Price"] is not None:
            years.setdefault(row["Date"][:4], []).append((row["Price"], row["Date"]))
    found = []
    for year, prices in sorted(years.items()):
        highest = max(prices)
        found.append({
            "year": int(year), "days": len(prices), "lowest": min(prices)[0],
            "mean": round(math.fsum(price for price, _ in prices) / len(prices), 4),
            "highest": highest[0], "highest_on": highest[1],
        })
    return {"rows": found, "count": len(found)}


def jumps(rows):
    """The change of each price against the last price before it."""
    found, before = [], None
    for row in rows:
        if row["Price"] is None:
            continue
        if before is not None:
            found.append({"Date": row["Date"], "Price": row["Price"], "change": round(row["Price"] - before, 4)})
        before = row["Price"]
    return {"rows": found, "count": len(found)}
