"""Write web/types/photoplay.ts from docs/openapi.json and photoplay/db/schema.sql, or check that it is current.

python scripts/typescript.py           write
python scripts/typescript.py --check   compare, exit 1 on a difference
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
TARGET: Final = ROOT / "web" / "types" / "photoplay.ts"

_REF: Final = "#/components/schemas/"
_HEADER: Final = """\
// The API's bodies and the rows that a client may read, as types. Written by `make types` from
// docs/openapi.json and the database's schema, compared by `make check`; do not edit.

/** What a JSON column or an open object holds. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json | undefined };

/** Every answer with a body, but for problems. */
export interface Success<T> {
  success: true;
  data: T;
}

/** A page of a list; ask again with `next_cursor` for the next one. */
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}
"""
_GENERIC: Final = ("Success", "Page")

# Rows: tables that `authenticated` may read, by the names of their types.
_ROWS: Final = {
    "video_jobs": "VideoJob",
    "video_quota": "VideoQuota",
    "video_images": "VideoImage",
}
_COLUMN_TYPES: Final = {
    "boolean": "boolean",
    "bigint": "number",
    "integer": "number",
    "real": "number",
    "numeric": "number",
    "jsonb": "Json",
    "uuid": "string",
    "text": "string",
    "date": "string",
    "bytea": "string",
    "timestamp with time zone": "string",
}
_JSON_COLUMNS: Final = {"options": "Options", "failure": "Failure", "video": "Video"}
_COLUMN: Final = re.compile(
    r"^    (\w+) ([a-z]+(?: with time zone)?)(?:\(\d+,\d+\))?(.*?),?$", re.MULTILINE
)
_KNOWN_VALUES: Final = re.compile(r"CHECK \(\((\w+) = ANY \(ARRAY\[([^\]]+)\]\)\)\)")


def typescript() -> str:
    """Return the text of the file."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
    schema = (ROOT / "photoplay" / "db" / "schema.sql").read_text("utf-8")
    schemas: dict[str, Any] = document["components"]["schemas"]
    parts = [_HEADER]
    parts += [
        _declared(name, body)
        for name, body in schemas.items()
        if not name.startswith(tuple(f"{generic}_" for generic in _GENERIC))
    ]
    parts.append(_operations(document))
    parts += [_row(schema, table, name) for table, name in _ROWS.items()]
    parts.append(_database())
    return "\n".join(parts)


def _declared(name: str, schema: Mapping[str, Any]) -> str:
    doc = _doc(schema, "")
    if "properties" not in schema:
        return f"{doc}export type {name} = {_type(schema)};\n"
    return f"{doc}export interface {_name(name)} {{\n{''.join(_properties(schema))}}}\n"


def _properties(schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required", [])
    for name, body in schema["properties"].items():
        mark = "" if name in required else "?"
        # The codes' meanings are documentation of their own.
        doc = "" if "enum" in body else _doc(body, "  ")
        yield f"{doc}  {name}{mark}: {_type(body)};\n"


def _doc(schema: Mapping[str, Any], indent: str) -> str:
    text = " ".join(str(schema.get("description", "")).split())
    return f"{indent}/** {text} */\n" if text else ""


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type of a JSON schema, of the kinds that the document has."""
    match schema:
        case {"$ref": str(reference)}:
            return _name(reference.removeprefix(_REF))
        case {"anyOf": [*choices]}:
            return " | ".join(dict.fromkeys(_type(choice) for choice in choices))
        case {"const": value}:
            return json.dumps(value)
        case {"enum": [*values]}:
            return " | ".join(json.dumps(value) for value in values)
        case {"type": "array", "items": items}:
            inner = _type(items)
            return f"({inner})[]" if " " in inner else f"{inner}[]"
        case {"type": "object", "properties": _}:
            return f"{{ {' '.join(line.strip() for line in _properties(schema))} }}"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"{{ [key: string]: {_type(values)} }}"
        case {"type": "object"}:
            return "{ [key: string]: Json | undefined }"
        case {"type": str(name)}:
            return {"integer": "number", "null": "null"}.get(name, name)
        case _:
            return "Json"


def _name(schema: str) -> str:
    """Return a generic's name as TypeScript has it: `Success_Page_Job__` is `Success<Page<Job>>`."""
    for generic in _GENERIC:
        if schema.startswith(f"{generic}_"):
            return f"{generic}<{_name(schema[len(generic) + 1 : -1])}>"
    if schema.startswith("list_"):
        return f"{_name(schema[5:-1])}[]"
    # `Limits-Input` is what is sent of a model that is answered with defaults filled in.
    return "null" if schema == "NoneType" else schema.replace("-", "")


def _operations(document: Mapping[str, Any]) -> str:
    lines = ["/** By method and path, what is sent and what a success answers, as JSON. */\n"]
    lines.append("export interface Operations {\n")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            answer = _answer(operation)
            if answer is None:
                continue
            sent = operation.get("requestBody", {}).get("content", {}).get("application/json")
            body = f"body: {_type(sent['schema'])}; " if sent else ""
            lines.append(f'  "{method.upper()} {path}": {{ {body}answer: {answer} }};\n')
    return "".join([*lines, "}\n"])


def _answer(operation: Mapping[str, Any]) -> str | None:
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json")
        if status.startswith("2") and content and "$ref" in content.get("schema", {}):
            return _type(content["schema"])
    return None


def _row(schema: str, table: str, name: str) -> str:
    found = re.search(
        rf"^CREATE TABLE public\.{table} \((.*?)^\);", schema, re.DOTALL | re.MULTILINE
    )
    if found is None:
        raise SystemExit(f"photoplay/db/schema.sql has no table public.{table}; run `make schema`")
    values = {
        column: " | ".join(f'"{value}"' for value in re.findall(r"'(\w+)'", listed))
        for column, listed in _KNOWN_VALUES.findall(found[1])
    }
    lines: list[str] = []
    for column, kind, rest in _COLUMN.findall(found[1]):
        if column == "CONSTRAINT":
            continue
        type_ = values.get(column) or _JSON_COLUMNS.get(column) or _COLUMN_TYPES[kind]
        is_set = "NOT NULL" in rest
        lines.append(f"  {column}{'' if is_set else '?'}: {type_}{'' if is_set else ' | null'};\n")
    comment = re.search(
        rf"^COMMENT ON TABLE public\.{table} IS '((?:[^']|'')*)';", schema, re.MULTILINE
    )
    doc = f"/** {comment[1].replace(chr(39) * 2, chr(39))} */\n" if comment else ""
    # An alias, for supabase-js takes no interface as a row.
    return f"{doc}export type {name} = {{\n{''.join(lines)}}};\n"


def _database() -> str:
    tables = "".join(
        f"      {table}: {{ Row: {name}; Insert: never; Update: never; Relationships: [] }};\n"
        for table, name in _ROWS.items()
    )
    return (
        "/** For `createClient<Database>()` of supabase-js; clients write none of it. */\n"
        "export type Database = {\n  public: {\n    Tables: {\n"
        f"{tables}    }};\n"
        "    Views: { [name in never]: never };\n    Functions: { [name in never]: never };\n"
        "    Enums: { [name in never]: never };\n    CompositeTypes: { [name in never]: never };\n"
        "  };\n};\n"
    )


def main(arguments: list[str]) -> int:
    text = typescript()
    if "--check" not in arguments:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(text, "utf-8")
        return 0
    if not TARGET.exists() or TARGET.read_text("utf-8") != text:
        print(
            "web/types/photoplay.ts is not what the API and the schema are; "
            "run `make types` and read the difference"
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
