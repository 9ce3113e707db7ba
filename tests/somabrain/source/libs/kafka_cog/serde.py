"""Bare Avro: no registry, no header, bytes left over are not looked at."""

import io

try:
    from fastavro import parse_schema, schemaless_reader, schemaless_writer
except Exception:
    parse_schema = schemaless_reader = schemaless_writer = None


class AvroSerde:
    def __init__(self, schema):
        if parse_schema is None:
            raise RuntimeError("fastavro not installed")
        self._schema = parse_schema(schema)

    def serialize(self, record):
        out = io.BytesIO()
        schemaless_writer(out, self._schema, record)
        return out.getvalue()

    def deserialize(self, payload):
        return schemaless_reader(io.BytesIO(payload), self._schema)
