# Runs one function or script for the worker. The request comes on standard input; what comes of it goes into the file that
# the request names. Nothing here is part of what a user's code may rely on.
import asyncio
import datetime
import importlib
import inspect
import itertools
import json
import math
import os
import pathlib
import runpy
import sys
import traceback

FAILED = 97
NESTING_MAX = 100


class Table:
    """Rows as dicts, read anew each time they are gone through."""

    def __init__(self, number, path, columns, count):
        self._number, self._path, self._names, self._count = number, os.path.abspath(path), [c["name"] for c in columns], count
        self.columns = [dict(c) for c in columns]

    def __iter__(self):
        with open(self._path, encoding="utf-8") as lines:
            for line in lines:
                yield dict(zip(self._names, json.loads(line)))

    def __len__(self):
        return self._count


class Refused(Exception):
    """The code is wrong in a way that has a name of its own."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def place_table(args, path, table):
    *parents, last = path
    for step in parents:
        args = args[step]
    args[last] = table


def find_function(name):
    module_name, _, function_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
            raise Refused("function", f"there is no module `{error.name}`: is its file listed under `files`?") from None
        raise
    function = getattr(module, function_name, None)
    if not callable(function):
        raise Refused("function", f"the module `{module_name}` has no function `{function_name}`")
    return function


def call(function, args):
    try:
        inspect.signature(function).bind(**args)
    except TypeError as error:
        raise Refused("args", f"`args` do not fit the function: {error}") from None
    except ValueError:
        pass  # a built-in without a signature
    result = function(**args)
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    return result


def plain(value, where, depth=0):
    """The value as JSON has it, or an error that says where it has none."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise Refused("result", f"{where} has characters that are no valid text") from None
        return str(value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise Refused("result", f"{where} is an integer of more than 64 bits: return it as text")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Refused("result", f"{where} is {value}, which JSON has no form for: return None instead")
        return float(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, pathlib.PurePath):
        return plain(str(value), where, depth)
    if isinstance(value, (dict, list, tuple)) and depth >= NESTING_MAX:
        raise Refused("result", f"{where.split('.')[0].split('[')[0]} is nested too deep, or contains itself")
    if isinstance(value, dict):
        return {key_of(key, where): plain(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    if type(value).__module__.partition(".")[0] == "numpy" and getattr(value, "ndim", None) == 0:
        return plain(value.item(), where, depth)
    raise Refused("result", f"{where} is a {type(value).__name__}, which JSON has no form for: convert it first")


def key_of(key, where):
    if not isinstance(key, str):
        raise Refused("result", f"{where} has the key {key!r}: keys must be texts")
    return plain(key, f"a key of {where}")


def kind_of(value):
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, datetime.datetime):
        return "datetime"
    if isinstance(value, datetime.date):
        return "date"
    if isinstance(value, str):
        return "string"
    if type(value).__module__.partition(".")[0] == "numpy" and getattr(value, "ndim", None) == 0:
        return kind_of(value.item())
    return "any"


def joined(known, kind):
    if known is None or known == kind:
        return kind
    return "number" if {known, kind} == {"integer", "number"} else "any"


def write_table(rows, where, path):
    """Writes rows as they come. The first row says which columns there are."""
    names, kinds, count = None, {}, 0
    with open(path, "w", encoding="utf-8") as body:
        for row in rows:
            if not isinstance(row, dict):
                raise Refused("result", f"{where}[{count}] is a {type(row).__name__}: a row must be a dict")
            if names is None:
                names = [key_of(key, f"{where}[0]") for key in row]
                kinds = dict.fromkeys(names)
            extra = [key for key in row if key not in kinds]
            if extra:
                raise Refused("result", f"{where}[{count}] has the key {extra[0]!r}, which the first row lacks")
            values = []
            for name in names:
                value = row.get(name)
                values.append(plain(value, f"{where}[{count}].{name}"))
                if value is not None:
                    kinds[name] = joined(kinds[name], kind_of(value))
            body.write(json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")
            count += 1
    columns = [{"name": name, "type": kinds[name] or "any"} for name in names or []]
    return {"path": path, "columns": columns, "count": count}


def answer(result, declared, folder):
    if result is None:
        result = {}
    elif isinstance(result, (list, tuple, Table)) or hasattr(result, "__next__"):
        result, declared = {"rows": result}, {**declared, "rows": "table"}
    if not isinstance(result, dict):
        raise Refused("result", f"the function returned a {type(result).__name__}: return a dict of outputs, or rows")
    outputs, tables, passed = {}, {}, {}
    for name, value in result.items():
        name = key_of(name, "the result")
        if isinstance(value, Table):
            passed[name] = value._number
        elif declared.get(name) == "table" and not isinstance(value, (str, bytes, dict)) and hasattr(value, "__iter__"):
            tables[name] = write_table(value, name, f"{folder}/table-{len(tables)}.jsonl")
        else:
            outputs[name] = plain(value, name)
    return {"outputs": outputs, "tables": tables, "passed": passed}


def told(error):
    """The traceback without the lines of this file."""
    lines = traceback.TracebackException.from_exception(error)
    seen = lines
    while seen is not None:
        frames = [frame for frame in seen.stack if frame.filename != "<string>" and "runpy" not in frame.filename]
        seen.stack = traceback.StackSummary.from_list(frames)
        seen = seen.__cause__ or seen.__context__
    return "".join(lines.format())


def run(request):
    sys.path.insert(0, os.getcwd())
    args = request["args"]
    for table in request["tables"]:
        place_table(args, table["at"], Table(table["number"], table["path"], table["columns"], table["count"]))
    if request["function"] is not None:
        return call(find_function(request["function"]), args)
    sys.argv = [request["script"]]
    sys.path.insert(0, os.path.dirname(os.path.abspath(request["script"])))
    runpy.run_path(request["script"], init_globals={"args": args}, run_name="__main__")
    return None


def failure(code, message, trace=""):
    # What an exception quotes need not be text.
    clean = lambda text: text.encode("utf-8", "replace").decode("utf-8")
    return {"error": {"code": code, "message": clean(message), "traceback": clean(trace) or None}}


def main():
    request = json.load(sys.stdin)
    out = os.path.abspath(request["result"])
    try:
        found = answer(run(request), request["outputs"], os.path.dirname(out))
    except Refused as error:
        found = failure(error.code, str(error))
    except SystemExit:
        raise
    except MemoryError:
        found = failure("memory", "ran out of memory")
    except BaseException as error:
        found = failure("exception", f"{type(error).__name__}: {error}", told(error))
    text = json.dumps(found, allow_nan=False)
    with open(out, "w", encoding="ascii") as file:
        file.write(text)
    sys.stdout.flush()
    if "error" in found:
        sys.exit(FAILED)


main()
