"""The pages of the table metrics.json: what client libraries of many languages send, and each rule of the formats broken.

TEXT and OPENMETRICS hold the body of each page by name, TYPES content types and what else HTTP says. Sources: the output of the client
libraries named, the lexers and parsers in model/textparse of Prometheus, mime.ParseMediaType of Go.
"""

import gzip
import zlib

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OM = "application/openmetrics-text; version=1.0.0; charset=utf-8"

GO = """# HELP go_gc_duration_seconds A summary of the wall-time pause (stop-the-world) duration in garbage collection cycles.
# TYPE go_gc_duration_seconds summary
go_gc_duration_seconds{quantile="0"} 2.3375e-05
go_gc_duration_seconds{quantile="0.5"} 4.7125e-05
go_gc_duration_seconds{quantile="1"} 0.000154542
go_gc_duration_seconds_sum 0.001105881
go_gc_duration_seconds_count 22
# HELP go_goroutines Number of goroutines that currently exist.
# TYPE go_goroutines gauge
go_goroutines 33
# HELP go_info Information about the Go environment.
# TYPE go_info gauge
go_info{version="go1.26.0"} 1
# HELP http_request_duration_seconds Latency.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{method="get",le="0.005"} 24054
http_request_duration_seconds_bucket{method="get",le="1"} 133988
http_request_duration_seconds_bucket{method="get",le="+Inf"} 144320
http_request_duration_seconds_sum{method="get"} 53423
http_request_duration_seconds_count{method="get"} 144320
# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.76449920042e+09
"""
JAVA = """# HELP jvm_memory_bytes_used Used bytes of a given JVM memory area.
# TYPE jvm_memory_bytes_used gauge
jvm_memory_bytes_used{area="heap",} 2.5426912E7
jvm_memory_bytes_used{area="nonheap",} 1.8363952E7
# HELP jvm_gc_collection_seconds Time spent in a given JVM garbage collector in seconds.
# TYPE jvm_gc_collection_seconds summary
jvm_gc_collection_seconds_count{gc="G1 Young Generation",} 3.0
jvm_gc_collection_seconds_sum{gc="G1 Young Generation",} 0.021
# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 6.14
"""
MICROMETER = """# HELP http_server_requests_seconds \x20
# TYPE http_server_requests_seconds histogram
http_server_requests_seconds_bucket{error="none",exception="none",method="GET",outcome="SUCCESS",status="200",uri="/actuator/prometheus",le="0.001"} 0
http_server_requests_seconds_bucket{error="none",exception="none",method="GET",outcome="SUCCESS",status="200",uri="/actuator/prometheus",le="+Inf"} 4
http_server_requests_seconds_count{error="none",exception="none",method="GET",outcome="SUCCESS",status="200",uri="/actuator/prometheus"} 4
http_server_requests_seconds_sum{error="none",exception="none",method="GET",outcome="SUCCESS",status="200",uri="/actuator/prometheus"} 0.081
# HELP jvm_buffer_count_buffers An estimate of the number of buffers in the pool
# TYPE jvm_buffer_count_buffers gauge
jvm_buffer_count_buffers{id="mapped - 'non-volatile memory'"} 0.0
"""
PYTHON = """# HELP python_gc_objects_collected_total Objects collected during gc
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{generation="0"} 371.0
# HELP python_info Python platform information
# TYPE python_info gauge
python_info{implementation="CPython",major="3",minor="11",patchlevel="2",version="3.11.2"} 1.0
# HELP requests_total Requests
# TYPE requests_total counter
requests_total{method="GET"} 3.0
# HELP requests_created Requests
# TYPE requests_created gauge
requests_created{method="GET"} 1.7644992001234567e+09
"""
PYTHON_OM = """# HELP requests Requests
# TYPE requests counter
requests_total{method="GET"} 3.0
requests_created{method="GET"} 1.7644992001234567e+09
# HELP latency_seconds Latency
# TYPE latency_seconds histogram
# UNIT latency_seconds seconds
latency_seconds_bucket{le="0.1"} 1.0 # {trace_id="KOO5S4vxi0o"} 0.067 1764499200.123
latency_seconds_bucket{le="+Inf"} 2.0
latency_seconds_count 2.0
latency_seconds_sum 0.3
latency_seconds_created 1.7644992e+09
# HELP build Build
# TYPE build info
build_info{version="1.2.3"} 1.0
# HELP state State
# TYPE state stateset
state{state="running"} 1.0
state{state="stopped"} 0.0
# EOF
"""
NODE = """# HELP process_cpu_user_seconds_total Total user CPU time spent in seconds.
# TYPE process_cpu_user_seconds_total counter
process_cpu_user_seconds_total 0.016

# HELP nodejs_eventloop_lag_seconds Lag of event loop in seconds.
# TYPE nodejs_eventloop_lag_seconds gauge
nodejs_eventloop_lag_seconds Nan

# HELP nodejs_version_info Node.js version info.
# TYPE nodejs_version_info gauge
nodejs_version_info{version="v22.1.0",major="22",minor="1",patch="0"} 1
"""
RUBY = """# TYPE ruby_http_requests_total counter
# HELP ruby_http_requests_total Total HTTP requests from web app.
ruby_http_requests_total{service="app",path="/a \\"b\\""} 2
# TYPE ruby_lag gauge
# HELP ruby_lag A multi line\\nhelp.
ruby_lag -Inf
"""
RUST_OM = """# HELP http_requests Number of HTTP requests received.
# TYPE http_requests counter
http_requests_total{method="GET",path="/metrics"} 1
# HELP request_size_bytes Size.
# TYPE request_size_bytes gaugehistogram
# UNIT request_size_bytes bytes
request_size_bytes_bucket{le="+Inf"} 3
request_size_bytes_gcount 3
request_size_bytes_gsum 12.5
# EOF
"""
DOTNET = """# HELP dotnet_collection_count_total GC collection count
# TYPE dotnet_collection_count_total counter
dotnet_collection_count_total{generation="1"} 0
# HELP process_private_memory_bytes Process private memory size
# TYPE process_private_memory_bytes gauge
process_private_memory_bytes 0
# HELP empty_histogram Declared, never observed
# TYPE empty_histogram histogram
"""
CPP = """# HELP exposer_transferred_bytes_total Transferred bytes to metrics services
# TYPE exposer_transferred_bytes_total counter
exposer_transferred_bytes_total{} 0
# HELP rpc_latency Latency
# TYPE rpc_latency summary
rpc_latency_count{a="b"} 2
rpc_latency_sum{a="b"} 0.3
rpc_latency{a="b",quantile="0.5"} Nan
"""
PHP = """# HELP php_info Information about the PHP environment.
# TYPE php_info gauge
php_info{version="8.3.0"} 1
# HELP app_orders_total orders
# TYPE app_orders_total counter
app_orders_total{shop="m\\u00fcnchen"} 5
"""
NODE_EXPORTER = """# HELP node_filesystem_avail_bytes Filesystem space available to non-root users in bytes.
# TYPE node_filesystem_avail_bytes gauge
node_filesystem_avail_bytes{device="/dev/vda1",device_error="",fstype="ext4",mountpoint="/"} 2.4e+10
# HELP node_textfile_scrape_error 1 if there was an error opening or reading a file, 0 otherwise
# TYPE node_textfile_scrape_error gauge
node_textfile_scrape_error 0
# HELP node_scrape_collector_success x
# TYPE node_scrape_collector_success gauge
node_scrape_collector_success{collector="arp"} 1
# HELP node_netstat_Icmp6_InErrors Statistic Icmp6InErrors.
# TYPE node_netstat_Icmp6_InErrors untyped
node_netstat_Icmp6_InErrors 0
"""
WINDOWS = GO.replace("\n", "\r\n")

TEXT = {
    "client_golang": GO,
    "client_java simpleclient": JAVA,
    "micrometer": MICROMETER,
    "client_python": PYTHON,
    "prom-client for node": NODE,
    "client_ruby": RUBY,
    "prometheus-net": DOTNET,
    "prometheus-cpp": CPP,
    "promphp": PHP,
    "node_exporter": NODE_EXPORTER,
    "line ends of Windows": WINDOWS,
    "line ends of Windows in comments only": "# HELP a words\r\na 1\n",
    "line end of Windows behind a type": "# TYPE a gauge\r\na 1\n",
    "line end of Windows on an empty line": "a 1\n\r\nb 2\n",
    "one sample": "a 1\n",
    "no line end at the end": "a 1",
    "a comment without line end": "a 1\n# the end",
    "blanks before a sample": "  \ta 1\n",
    "blanks before a comment": "  # TYPE a gauge\na 1\n",
    "blanks behind a value": "a 1  \n",
    "tabs between": "a\t1\t5\n",
    "blanks inside braces": 'a { x = "1" , y = "2" } 2\n',
    "no blank before the value": 'a{x="1"}2\n',
    "no blank behind the name": "a1\n",
    "a comma before the brace": 'a{x="1",} 2\n',
    "two commas": 'a{x="1",,y="2"} 2\n',
    "a comma first": 'a{,x="1"} 2\n',
    "no comma between labels": 'a{x="1"y="2"} 2\n',
    "empty braces": "a{} 1\n",
    "empty braces and no name": "{} 1\n",
    "labels and no name": '{x="1"} 1\n',
    "two brace pairs": 'a{x="1"}{y="2"} 1\n',
    "braces that do not end": 'a{x="1" 2\n',
    "a label without value": "a{x} 1\n",
    "a label without name": 'a{="1"} 1\n',
    "a value without quotes": "a{x=1} 2\n",
    "a value in single quotes": "a{x='1'} 2\n",
    "a value that does not end": 'a{x="1} 2\n',
    "a label name with a dash": 'a{x-y="1"} 2\n',
    "a label name with a dot": 'a{x.y="1"} 2\n',
    "a label name with a colon": 'a{x:y="1"} 2\n',
    "a label name that begins with a digit": 'a{1x="1"} 2\n',
    "a label twice": 'a{x="1",x="2"} 1\n',
    "a label twice with one value": 'a{x="1",x="1"} 1\n',
    "a label twice, once empty": 'a{x="",x="1"} 1\n',
    "the label job twice": 'a{job="1",job="2"} 1\n',
    "the label instance twice": 'a{instance="1",instance="2"} 1\n',
    "the labels job and exported_job": 'a{job="1",exported_job="2"} 1\n',
    "the label __name__": 'a{__name__="b"} 1\n',
    "the label __name__, empty": 'a{__name__=""} 1\n',
    "the label __name__ and no name": '{__name__="b"} 1\n',
    "a reserved label": 'a{__x__="b"} 1\n',
    "a label without text": 'a{x=""} 1\n',
    "an escaped quote": 'a{x="q\\"b\\\\c\\nd"} 2\n',
    "another escape": 'a{x="C:\\q"} 2\n',
    "a backslash at the end of a value": 'a{x="C:\\"} 2\n',
    "a brace in a value": 'a{x="},{ 1"} 2\n',
    "a line end in a value": 'a{x="1\n2"} 2\n',
    "UTF-8 in a value": 'a{x="München ☃ 😀"} 2\n',
    "Latin-1 in a value": b'a{x="M\xfcnchen"} 2\n',
    "a surrogate in a value": b'a{x="\xed\xa0\x80"} 2\n',
    "an overlong character in a value": b'a{x="\xc0\x80"} 2\n',
    "a character beyond Unicode in a value": b'a{x="\xf4\x90\x80\x80"} 2\n',
    "UTF-8 cut in a value": b'a{x="\xe2\x98"} 2\n',
    "UTF-8 in a name": "münchen 2\n",
    "Latin-1 in a comment": b"# M\xfcnchen\na 1\n",
    "Latin-1 in a help text": b"# HELP a M\xfcnchen\na 1\n",
    "a byte order mark": "\ufeffa 1\n",
    "a zero byte in a value": b'a{x="1\x002"} 1\n',
    "a zero byte in a comment": b"# a \x00 b\na 1\n",
    "a zero byte before a line": b"a 1\n\x00b 2 3 4\n",
    "a zero byte in a name": b"a\x00b 1\n",
    "a zero byte in a number": b"a 1\x002\n",
    "72 labels": "kube_node_labels{" + ",".join(f'label_l{i}="x"' for i in range(72)) + "} 1\n",
    "1000 labels": "a{" + ",".join(f'l{i}="x"' for i in range(1000)) + "} 1\n",
    "1000 labels, one of them twice": "a{" + ",".join(f'l{i % 999}="x"' for i in range(1000)) + "} 1\n",
    "a quoted name": '{"my.metric"} 1\n',
    "a quoted name and labels": '{"my.metric",a="b","l.l"="c"} 1\n',
    "a quoted name behind its labels": '{a="b","my.metric"} 1\n',
    "a quoted name twice": '{"a.b","c.d"} 1\n',
    "a name and a quoted name": 'a{"b.c"} 1\n',
    "a quoted name without braces": '"my.metric" 1\n',
    "an empty quoted name": '{""} 1\n',
    "an empty label name": '{"a",""="b"} 1\n',
    "an empty label name without value": '{"a",""=""} 1\n',
    "UTF-8 in a quoted name": '{"tempér☃"} 1\n',
    "Latin-1 in a quoted name": b'{"temp\xe9r"} 1\n',
    "Latin-1 in a label name": b'{"a","\xe9"="1"} 1\n',
    "quotes in a quoted name": '{"a\\"b"} 1\n',
    "a quoted label twice": '{"a",x="1","x"="2"} 1\n',
    "a quoted type": '# TYPE "my.metric" gauge\n{"my.metric"} 1\n',
    "a quoted help": '# HELP "my.metric" words\n{"my.metric"} 1\n',
    "a type whose quotes do not end": '# TYPE "my.metric gauge\n{"my.metric"} 1\n',
    "a colon in a name": "job:rate:5m 1\n:a 1\n",
    "a dash in a name": "my-metric 1\n",
    "a dot in a name": "my.metric 1\n",
    "a name that begins with a digit": "1a 2\n",
    "no value": "a\n",
    "no value behind labels": 'a{x="1"}\n',
    "NaN": "a NaN\n",
    "nan": "a nan\n",
    "NaN with a sign": "a -NaN\n",
    "+Inf": "a +Inf\n",
    "inf": "a inf\n",
    "-Infinity": "a -Infinity\n",
    "a value beyond double": "a 1e999\n",
    "a value below double": "a 1e-999\n",
    "a hexadecimal value": "a 0x10\n",
    "a hexadecimal value with exponent": "a 0x1p-2\n",
    "a value with an underscore": "a 1_000\n",
    "a value with a comma": "a 1,5\n",
    "a value with thousands": "a 1,000\n",
    "a value with a unit": "a 5ms\n",
    "a value in quotes": 'a "1"\n',
    "a value null": "a null\n",
    "a value true": "a true\n",
    "a value None": "a None\n",
    "a value of a template": "a <no value>\n",
    "a value of digits": "a " + "1" * 500 + "e-400\n",
    ".5": "a .5\n",
    "5.": "a 5.\n",
    "+1": "a +1\n",
    "1e": "a 1e\n",
    "a dot": "a .\n",
    "1.797e308": "a 1.7976931348623157e308\n",
    "-0": "a -0\n",
    "a timestamp": "a 1 1700000000000\n",
    "a timestamp of 0": "a 1 0\n",
    "a timestamp in seconds": "a 1 1700000000\n",
    "a timestamp with a fraction": "a 1 1697143000.123\n",
    "a timestamp with an exponent": "a 1 1.7e12\n",
    "a negative timestamp": "a 1 -5\n",
    "a timestamp with a sign": "a 1 +5\n",
    "a timestamp beyond 64 bits": "a 1 9223372036854775808\n",
    "a timestamp of 64 bits": "a 1 9223372036854775807\n",
    "a timestamp with zeros before": "a 1 00000000000000000000000000000000000005\n",
    "a timestamp far in the future": "a 1 99999999999999\n",
    "two timestamps": "a 1 5 6\n",
    "words behind the timestamp": "a 1 5 ms\n",
    "a comment behind the value": "a 1 # words\n",
    "an exemplar": '# TYPE h histogram\nh_bucket{le="1"} 3 # {trace_id="abc"} 0.5 1700000000.0\nh_bucket{le="+Inf"} 3\nh_sum 1.5\nh_count 3\n',
    "a sample twice": "a 1\na 1\n",
    "a sample twice with two values": "a 1\na 2\n",
    "a sample twice with two timestamps": "a 1 5\na 2 6\n",
    "samples out of order": "a 1 6\na 2 5\n",
    "families mixed": '# TYPE a counter\na{x="1"} 1\nb 2\na{x="2"} 1\n',
    "a type": "# TYPE a counter\na 1\n",
    "a type twice": "# TYPE a counter\na 1\n# TYPE a gauge\n",
    "a type behind its sample": "a 1\n# TYPE a counter\n",
    "a type of another family": "# TYPE b counter\na 1\n",
    "an unknown type": "# TYPE a guage\na 1\n",
    "a type of OpenMetrics": "# TYPE a info\na 1\n",
    "the type unknown": "# TYPE a unknown\na 1\n",
    "the type untyped": "# TYPE a untyped\na 1\n",
    "a type in capitals": "# TYPE a COUNTER\na 1\n",
    "no type": "# TYPE a\na 1\n",
    "no type but a blank": "# TYPE a \na 1\n",
    "no name of a type": "# TYPE\na 1\n",
    "no name of a type but a blank": "# TYPE \na 1\n",
    "two types": "# TYPE a counter gauge\na 1\n",
    "a blank behind a type": "# TYPE a counter \na 1\n",
    "two blanks before a type": "# TYPE a  counter\na 1\n",
    "two blanks before a name": "# TYPE  a counter\na 1\n",
    "tabs in a type line": "#\tTYPE\ta\tcounter\na 1\n",
    "no blank before TYPE": "#TYPE a guage\na 1\n",
    "two blanks before TYPE": "#  TYPE a counter\na 1\n",
    "a type line in small letters": "# type a guage\na 1\n",
    "a help twice": "# HELP a x\n# HELP a y\na 1\n",
    "no help": "# HELP a\na 1\n",
    "no name of a help": "# HELP\na 1\n",
    "a help of a name with a dash": "# HELP a-b x\na 1\n",
    "escapes in a help": "# HELP a C:\\dir \\n \\q\na 1\n",
    "UNIT": "# UNIT a_seconds seconds\na_seconds 1\n",
    "EOF": "a 1\n# EOF\n",
    "EOF and more": "a 1\n# EOF\nb 2\n",
    "a comment": "# words\n#words\n#\n a 1\n",
    "a comment that begins as HELP": "# HELPLESS a\na 1\n",
    "no buckets": "# TYPE h histogram\nh_sum 1\nh_count 1\n",
    "a histogram without +Inf": '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
    "buckets that fall": '# TYPE h histogram\nh_bucket{le="1"} 5\nh_bucket{le="2"} 1\nh_bucket{le="+Inf"} 7\n',
    "a bucket without le": "# TYPE h histogram\nh_bucket 1\nh_count 1\n",
    "le that is not a number": '# TYPE h histogram\nh_bucket{le="x"} 1\n',
    "a counter below zero": "# TYPE c counter\nc -1\n",
    "a native histogram": "# TYPE h histogram\nh {count:3,sum:1.5,schema:0,zero_threshold:0.1,zero_count:0,positive_spans:[0:2],positive_buckets:[1,2]}\n",
    "JSON": '{"status": "UP"}',
    "JSON with a number": '{"a": 1}',
    "a list of JSON": "[1, 2]",
    "words": "ok\n",
    "a word and a number": "status 200\n",
    "an error": "Internal Server Error\n",
    "only comments": "# nothing\n",
    "only line ends": "\n\n",
    "only a type": "# TYPE a counter\n",
    "InfluxDB's lines": "cpu,host=a value=1 1700000000000000000\n",
    "graphite's lines": "a.b.c 1 1700000000\n",
    "statsd's lines": "a:1|c\n",
    "a trailing brace": "a} 1\n",
    "a semicolon": "a 1;\n",
    "two samples in a line": "a 1 b 2\n",
}

OPENMETRICS = {
    "client_python in OpenMetrics": PYTHON_OM,
    "prometheus-client for Rust": RUST_OM,
    "only EOF": "# EOF\n",
    "EOF without line end": "a 1\n# EOF",
    "EOF twice": "a 1\n# EOF\n# EOF\n",
    "EOF and an empty line": "a 1\n# EOF\n\n",
    "EOF and a blank": "a 1\n# EOF \n",
    "EOF in small letters": "a 1\n# eof\n",
    "no EOF": "a 1\n",
    "no EOF, cut in a line": "# TYPE a gauge\na 1",
    "a sample behind EOF": "a 1\n# EOF\nb 2\n",
    "an empty line": "# TYPE c gauge\n\nc 1\n# EOF\n",
    "an empty line first": "\nc 1\n# EOF\n",
    "a comment in OpenMetrics": "# words\na 1\n# EOF\n",
    "a comment without blank": "#words\na 1\n# EOF\n",
    "a blank before a sample": " a 1\n# EOF\n",
    "two blanks before the value": "a  1\n# EOF\n",
    "a tab before the value": "a\t1\n# EOF\n",
    "a blank behind the value": "a 1 \n# EOF\n",
    "a blank in the braces": 'a{ x="1"} 1\n# EOF\n',
    "a blank behind a comma": 'a{x="1", y="2"} 1\n# EOF\n',
    "a blank before the braces": 'a {x="1"} 1\n# EOF\n',
    "a comma at the end of labels": 'a{x="1",} 1\n# EOF\n',
    "no comma between labels in OpenMetrics": 'a{x="1"y="2"} 1\n# EOF\n',
    "no blank before the value in OpenMetrics": 'a{x="1"}1\n# EOF\n',
    "line ends of Windows in OpenMetrics": "a 1\r\n# EOF\r\n",
    "a label twice in OpenMetrics": 'a{x="1",x="2"} 1\n# EOF\n',
    "a line end in a value in OpenMetrics": 'a{x="1\n2"} 1\n# EOF\n',
    "Latin-1 in a value in OpenMetrics": b'a{x="\xe9"} 1\n# EOF\n',
    "a zero byte in a value in OpenMetrics": b'a{x="1\x002"} 1\n# EOF\n',
    "a zero byte in OpenMetrics": b"a 1\n\x00# EOF\n",
    "an exemplar in OpenMetrics": '# TYPE c counter\nc_total 1 # {trace="x"} 1 1.5\n# EOF\n',
    "an exemplar behind a timestamp": 'c_total 1 5.5 # {trace="x"} 1\n# EOF\n',
    "an exemplar of a gauge": '# TYPE g gauge\ng 1 # {trace="x"} 1\n# EOF\n',
    "an exemplar without labels": "c_total 1 # {} 1\n# EOF\n",
    "an exemplar without value": 'c_total 1 # {trace="x"}\n# EOF\n',
    "an exemplar without braces": "c_total 1 # 5\n# EOF\n",
    "an exemplar without a blank": 'c_total 1 #{trace="x"} 1\n# EOF\n',
    "an exemplar that does not end": 'c_total 1 # {trace="x" 1\n# EOF\n',
    "an exemplar with a quoted name": 'c_total 1 # {"x"} 1\n# EOF\n',
    "an exemplar with a quoted label": 'c_total 1 # {"x y"="1"} 1\n# EOF\n',
    "an exemplar with a label twice": 'c_total 1 # {a="1",a="2"} 1\n# EOF\n',
    "an exemplar of more than 128 characters": 'c_total 1 # {a="' + "x" * 200 + '"} 1\n# EOF\n',
    "an exemplar with a timestamp NaN": 'c_total 1 # {a="1"} 1 NaN\n# EOF\n',
    "an exemplar with a timestamp of words": 'c_total 1 # {a="1"} 1 now\n# EOF\n',
    "an exemplar with words behind it": 'c_total 1 # {a="1"} 1 1.5 6\n# EOF\n',
    "an exemplar with Latin-1": b'c_total 1 # {a="\xe9"} 1\n# EOF\n',
    "two exemplars": 'c_total 1 # {a="1"} 1 # {a="2"} 1\n# EOF\n',
    "an exemplar NaN": 'c_total 1 # {a="1"} NaN\n# EOF\n',
    "a timestamp in seconds with a fraction": "a 1 1700000000.123\n# EOF\n",
    "a timestamp with an exponent in OpenMetrics": "a 1 1.7e9\n# EOF\n",
    "a negative timestamp in OpenMetrics": "a 1 -5\n# EOF\n",
    "a timestamp NaN": "a 1 NaN\n# EOF\n",
    "a timestamp of infinity": "a 1 +Inf\n# EOF\n",
    "a timestamp of words": "a 1 now\n# EOF\n",
    "two timestamps in OpenMetrics": "a 1 2 3\n# EOF\n",
    "a unit": "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# EOF\n",
    "a unit that the name lacks": "# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n",
    "a unit without underscore before it": "# UNIT aseconds seconds\n# EOF\n",
    "a unit that is the name": "# UNIT seconds seconds\n# EOF\n",
    "an empty unit": "# TYPE a gauge\n# UNIT a \na 1\n# EOF\n",
    "a unit without blank": "# TYPE a gauge\n# UNIT a\na 1\n# EOF\n",
    "a help without text": "# HELP a\na 1\n# EOF\n",
    "a help with an empty text": "# HELP a \na 1\n# EOF\n",
    "a help of Latin-1": b"# HELP a \xe9\na 1\n# EOF\n",
    "all types": "".join(
        f"# TYPE t{i} {t}\n"
        for i, t in enumerate(["counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown"])
    )
    + "# EOF\n",
    "untyped in OpenMetrics": "# TYPE a untyped\na 1\n# EOF\n",
    "an unknown type in OpenMetrics": "# TYPE a guage\na 1\n# EOF\n",
    "two blanks in a type line": "# TYPE a  gauge\na 1\n# EOF\n",
    "a counter without total": "# TYPE c counter\nc 1\n# EOF\n",
    "a total as the family's name": "# TYPE c_total counter\nc_total 1\n# EOF\n",
    "families mixed in OpenMetrics": "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\na 2\n# EOF\n",
    "a type twice in OpenMetrics": "# TYPE a gauge\na 1\n# TYPE a gauge\n# EOF\n",
    "a sample twice in OpenMetrics": "a 1\na 2\n# EOF\n",
    "a created timestamp": "# TYPE c counter\nc_total 1\nc_created 1700000000.5\n# EOF\n",
    "a created timestamp that is not a number": "# TYPE c counter\nc_total 1\nc_created now\n# EOF\n",
    "a quoted name in OpenMetrics": '# TYPE "my.metric" gauge\n{"my.metric",a="b"} 1\n# EOF\n',
    "a quoted unit": '# UNIT "my.metric_seconds" seconds\n{"my.metric_seconds"} 1\n# EOF\n',
    "a value in quotes in OpenMetrics": 'a "1"\n# EOF\n',
    "a value beyond double in OpenMetrics": "a 1e999\n# EOF\n",
    "a hexadecimal value in OpenMetrics": "a 0x1p2\n# EOF\n",
    "a native histogram in OpenMetrics": "# TYPE h histogram\nh {count:3,sum:1.5,schema:0,zero_threshold:0.1,zero_count:0,positive_spans:[0:2],positive_buckets:[1,2]}\n# EOF\n",
    "a start timestamp of OpenMetrics 2": "a_total 1 st@1700000000\n# EOF\n",
    "a text page": GO,
    "a text page with EOF": GO + "# EOF\n",
    "HTML in OpenMetrics": "<html></html>\n# EOF\n",
}

PAGE = "# TYPE a gauge\na 1\n"
# The same page with each content type; in "om" and what begins so it ends with EOF.
TYPES = [
    "text/plain",
    "text/plain; charset=utf-8",
    "text/plain; version=0.0.4",
    "text/plain; version=1.0.0; escaping=allow-utf-8",
    "text/plain;version=0.0.4;",
    "text/plain; ",
    "text/plain;;",
    "text/plain; charset",
    "text/plain; charset=",
    'text/plain; charset="utf-8"',
    'text/plain; charset="utf-8',
    "text/plain; charset=utf-8; charset=utf-8",
    "text/plain; charset=utf-8; charset=latin1",
    "text/plain, text/html",
    "text/plain charset=utf-8",
    "TEXT/PLAIN; VERSION=0.0.4",
    "text/plain; version=9.9.9",
    "text/plain; =x",
    "text/plain/x",
    "text",
    "text/",
    "/plain",
    "plain/text",
    "text/html",
    "text/html; charset=utf-8",
    "text/csv",
    "application/json",
    "application/octet-stream",
    "application/xml",
    "*/*",
    "application/openmetrics-text",
    "application/openmetrics-text; version=1.0.0",
    "application/openmetrics-text; version=0.0.1; charset=utf-8",
    "application/openmetrics-text; version=1.0.0; escaping=underscores",
    "application/openmetrics-text; version=2.0.0",
    'application/openmetrics-text; version="2.0.0"; charset=utf-8',
    "application/openmetrics-text; version=3.0.0",
    "application/vnd.google.protobuf",
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    "",
    None,
]
FALLBACKS = {"prometheus": "PrometheusText0.0.4", "openmetrics": "OpenMetricsText1.0.0"}


def rows():
    """Yields (name, content type or None, content coding, key format or None, body)."""
    for name, body in TEXT.items():
        yield name, PLAIN, "", None, body
    for name, body in OPENMETRICS.items():
        yield name, OM, "", None, body
    for content_type in TYPES:
        body = PAGE + "# EOF\n"
        yield f"content type {content_type!r}", content_type, "", None, body
        # With format, a page of another format is refused by the key's own rule: Prometheus has none.
        for key in FALLBACKS:
            if key not in (content_type or "") and not (content_type or "").lower().startswith(
                ("text/plain", "application/openmetrics", "application/vnd")
            ):
                yield f"content type {content_type!r}, format {key}", content_type, "", key, body
    yield "an empty page without content type", None, "", None, ""
    yield "an empty page of HTML", "text/html", "", None, ""
    packed = gzip.compress(PAGE.encode(), mtime=0)
    yield "gzip", PLAIN, "gzip", None, packed
    yield "gzip that is cut off", PLAIN, "gzip", None, packed[:-6]
    yield "gzip in two members", PLAIN, "gzip", None, packed + gzip.compress(b"b 2\n", mtime=0)
    yield "gzip and more bytes behind it", PLAIN, "gzip", None, packed + b"b 2\n"
    yield "gzip with a wrong checksum", PLAIN, "gzip", None, packed[:-8] + b"\0\0\0\0" + packed[-4:]
    yield "gzip in capitals", PLAIN, "GZIP", None, packed
    yield "gzip that is none", PLAIN, "gzip", None, PAGE
    yield "gzip that nobody names", PLAIN, "", None, packed
    yield "the coding deflate", PLAIN, "deflate", None, zlib.compress(PAGE.encode())
    yield "the coding identity", PLAIN, "identity", None, PAGE
    yield "the coding zstd", PLAIN, "zstd", None, b"\x28\xb5\x2f\xfd\x00\x58\x41\x00\x00a 1\n"
    yield "a format that is not the page's", "text/html", "", "openmetrics", PAGE
