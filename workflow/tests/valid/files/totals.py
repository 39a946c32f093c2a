def total(rows, site):
    mine = [row for row in rows if row["site"] == site]
    return {"total": float(len(mine)), "count": len(mine)}
