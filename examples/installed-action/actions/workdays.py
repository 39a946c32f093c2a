#!/usr/bin/env python3
import datetime
import json
import sys

given = json.load(sys.stdin)
first, end = (datetime.date.fromisoformat(given[name]) for name in ("from", "to"))
days = [first + datetime.timedelta(days=n) for n in range((end - first).days)]
works = [day for day in days if day.weekday() < 5 and day.isoformat() not in given.get("holidays", [])]
json.dump({"days": len(days), "workdays": len(works)}, sys.stdout)
