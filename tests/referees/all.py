"""All tables: python -m referees.all [--write]"""

import sys

from referees import avro_java, metrics, tls

if __name__ == "__main__":
    sys.exit(1 if sum(table.main(sys.argv[1:]) for table in (metrics, avro_java, tls)) else 0)
