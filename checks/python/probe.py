"""What the python kind runs in the service's interpreter; probe.h says what goes in and out.

Python 2.7 must be able to read it, to answer that it is too old. Nothing is imported here but what every interpreter has loaded
already: the service's folder comes first in the path of modules, and a module there may have any name.
"""

import os
import sys

CHANNEL_LOST = 97  # PROBE_CHANNEL_LOST
VERSION = (
    r"v?(?:([0-9]+)!)?([0-9]+(?:[.][0-9]+)*)"
    r"(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]*))?"
    r"(?:(-(?=[0-9])|[-_.]?(?:post|rev|r)[-_.]?)([0-9]*))?"
    r"(?:[-_.]?(dev)[-_.]?([0-9]*))?"
    r"(?:[+]([a-z0-9]+(?:[-_.][a-z0-9]+)*))?"
)


# ---- the channel ----


def one_line(value, length):
    try:
        return " ".join(str(value).replace("\0", "?").split())[:length]
    except BaseException:
        return "an error whose text cannot be made"


def open_channel(descriptor):
    global channel, pipe
    channel, pipe = descriptor, os.fstat(descriptor)[:3]


def emit(*fields):
    """Writes a line at once: what was told stays, whatever the next import does."""
    line = "\t".join([one_line(field, 900) for field in fields]).encode("utf-8", "replace")
    try:
        if os.fstat(channel)[:3] != pipe:
            raise OSError()
        os.write(channel, line[:4000] + b"\n")
    except OSError:
        os._exit(CHANNEL_LOST)


def reason(error):
    """An error: its type, its text, and the last line of a file that it came through."""
    try:
        place, trace = "", error.__traceback__
        while trace:
            name = trace.tb_frame.f_code.co_filename
            if name[:1] != "<":
                place = " (%s:%d)" % (name[-140:], trace.tb_lineno)
            trace = trace.tb_next
        name = type(error).__name__
        if name.islower():  # struct.error
            name = type(error).__module__ + "." + name
        return name + ": " + one_line(error, 200) + place
    except BaseException:
        return "an error that cannot be described"


# ---- versions (PEP 440) ----


def read_version(text):
    """(public version, local version, epoch, release); the first two compare as PEP 440 orders versions. None: not a version."""
    found = re.match(VERSION + r"\Z", text.strip().lower())
    if not found:
        return None
    epoch, release, pre, pre_n, post, post_n, dev, dev_n, local = found.groups()
    epoch, release = int(epoch or 0), [int(n) for n in release.split(".")]
    significant = release[:]
    while significant and not significant[-1]:
        del significant[-1]
    # 1.dev1 < 1a1 < 1b1 < 1rc1 < 1 < 1.post1, and each of them comes after its own .dev
    stage = {"a": "a", "b": "b", "r": "c", "c": "c", "p": "c"}[pre[0]] if pre else "" if dev and not post else "z"
    public = (
        epoch,
        significant,
        stage,
        int(pre_n or 0),
        int(post_n or 0) if post else -1,
        int(dev_n or 0) if dev else float("inf"),
    )
    parts = re.split("[-_.]", local) if local else []
    return public, [(part.isdigit(), int(part) if part.isdigit() else part) for part in parts], epoch, release


def in_series(version, epoch, series):
    padded = version[3] + [0] * len(series)
    return version[2] == epoch and padded[: len(series)] == series


def holds(version, operator, text):
    """Does the version satisfy this one specifier? What is installed is a fact: pre-releases count like all others."""
    wanted = read_version(text[:-2] if text.endswith(".*") else text)
    wanted_public, wanted_local, epoch, release = wanted
    public, local = version[:2]
    if operator in ("==", "!="):
        if text.endswith(".*"):
            equal = in_series(version, epoch, release)
        else:
            equal = public == wanted_public and (not wanted_local or local == wanted_local)
        return equal == (operator == "==")
    if operator == "~=":
        return public >= wanted_public and in_series(version, epoch, release[:-1])
    if operator == "<=":
        return public <= wanted_public
    if operator == ">=":
        return public >= wanted_public
    stage, post, dev = wanted_public[2], wanted_public[4], wanted_public[5]
    is_final = stage == "z" and dev == float("inf")
    if operator == "<":  # its own pre-releases are not less than a release
        return public < (read_version(text + ".dev0")[0] if is_final else wanted_public)
    # its own post-releases are not greater than a release
    return public > wanted_public and not (
        post < 0 and dev == float("inf") and public[4] >= 0 and public[:4] == wanted_public[:4]
    )


def judge(version, specifiers):
    """Does the version satisfy ">= 2.3, < 3"? probe.h has the answers."""
    if not specifiers:
        return "met"
    version = read_version(version)
    if not version:
        return "unclear"
    for specifier in specifiers.split(","):
        operator, text = re.match(r"\s*([=!<>~]=?)\s*(\S+)", specifier).groups()
        if not holds(version, operator, text):
            return "not met"
    return "met"


# ---- distributions ----


def look_in_library_only():
    """From here on imports find modules of the standard library, whatever the service's folder has under the same names."""
    global path
    path, library = sys.path, os.path.dirname(os.__file__)
    sys.path = [
        p
        for p in path
        if p.startswith(library)
        and "-packages" not in p
        or p.endswith(".zip")
        and os.path.dirname(p) == os.path.dirname(library)
    ]


def import_own_modules():
    global metadata, re
    look_in_library_only()
    import re
    from importlib import metadata


def version_of(distribution):
    try:
        return distribution.version or ""
    except Exception:
        return ""


def normalized(name):
    return re.sub("[-_.]+", "-", name).lower()


def installed_versions(name):
    for separator in "", "-", "_", ".":
        spelling = re.sub("[-_.]+", separator, name) if separator else name
        found = [version_of(d) for d in metadata.distributions(name=spelling, path=path)]
        if found:
            return found
    if sys.version_info >= (3, 10):
        return []
    # Older ones compare names as they are written.
    found = []
    for d in metadata.distributions(path=path):
        try:
            if normalized(d.metadata["Name"]) == normalized(name):
                found.append(version_of(d))
        except Exception:
            continue
    return found


def distribution_of(module):
    """The name of the distribution that installs a module of this name, or nothing: pip calls yaml PyYAML."""
    for d in metadata.distributions(path=path):
        try:
            listed = (d.read_text("top_level.txt") or "").split()
            if module in listed or any(f.parts[0] in (module, module + ".py") for f in d.files or ()):
                return d.metadata["Name"]
        except Exception:
            continue
    return ""


def look_for(tag, requirement):
    name, specifiers = re.match(r"\s*([-.\w]+)\s*(.*)", requirement).groups()
    try:
        found = installed_versions(name)
        # The first one is what is imported; one that is forbidden must not be there at all.
        for version in found[:1] if tag[0] == "d" else sorted(set(found)):
            emit("distribution", tag, version, judge(version, specifiers))
        if not found:
            emit("no distribution", tag, distribution_of(name) if tag[0] == "d" else "")
    except Exception as e:
        emit("unclear", tag, reason(e))


def look_for_distributions(wanted):
    """In a process of its own: the modules that this takes must not be loaded when the service's are imported."""
    pid = os.fork()
    if not pid:
        try:
            import_own_modules()
            for tag, requirement in wanted:
                look_for(tag, requirement)
        except BaseException as e:
            emit("unclear", wanted[0][0], reason(e))
        os._exit(0)
    os.waitpid(pid, 0)


# ---- imports that fail and are swallowed ----


def own_place(name):
    """The path of a file below the service's folder. None: it is not there, or belongs to a library."""
    if not isinstance(name, str) or name[:1] == "<":
        return None
    name = os.path.realpath(name)
    if not name.startswith(folder) or name.startswith(python_folder) or "-packages" + os.sep in name:
        return None
    return name[len(folder) :]


def may_lack(name):
    return isinstance(name, str) and any((name + ".").startswith(one + ".") for one in lackable)


def note_failure(frame, name, error):
    """Called while the error passes through an import: the outermost one that it reaches is where it is swallowed."""
    try:
        place = own_place(frame.f_code.co_filename)
        if not place or may_lack(name) or may_lack(error.name) or len(failures) > 200:
            return
        for key in [key for key in failures if failures[key][0] is error]:
            del failures[key]
        failures["%s:%d" % (place, frame.f_lineno), name] = error, reason(error)
    except BaseException:
        return


def watch_imports(names):
    """Looks at every ImportError on its way to the code that asked for the module."""
    global folder, python_folder, lackable, failures, told, builtins, real_import
    folder, python_folder = os.path.join(os.path.realpath("."), ""), os.path.dirname(os.path.realpath(os.__file__)) + os.sep
    lackable, failures, told = names, {}, set()
    builtins, bootstrap = sys.modules["builtins"], sys.modules["_frozen_importlib"]
    real_import, real_import_module = builtins.__import__, bootstrap._gcd_import

    def watched_import(name, globals=None, locals=None, fromlist=(), level=0):
        try:
            return real_import(name, globals, locals, fromlist, level)
        except ImportError as e:
            note_failure(sys._getframe(1), "." * level + name, e)
            raise

    def watched_import_module(*args, **named):
        try:
            return real_import_module(*args, **named)
        except ImportError as e:
            note_failure(sys._getframe(2), args[0], e)  # behind importlib.import_module
            raise

    builtins.__import__, bootstrap._gcd_import = watched_import, watched_import_module


def tell_swallowed(error):
    """After an import that the check made. What its own error comes from was not swallowed."""
    while error is not None:
        for key in [key for key in failures if failures[key][0] is error]:
            del failures[key]
        error = error.__cause__ or error.__context__
    for place, name in failures:
        if (place, name) not in told:
            emit("swallowed", place, name, failures[place, name][1])
            told.add((place, name))
    failures.clear()


def attribute(module, name):
    """Of a module that may load itself when it is asked."""
    try:
        return object.__getattribute__(module, "__dict__").get(name)
    except Exception:
        return None


def is_installed(name):
    """Can it be found? Nothing is imported for that. True where only an import could tell."""
    full, places = "", None
    for part in name.split("."):
        if full and places is None:
            return True
        full = full + "." + part if full else part
        if full in loaded:
            places = attribute(loaded[full], "__path__")
            continue
        spec = None
        for finder in sys.meta_path:
            spec = spec or finder.find_spec(full, places)
        if not spec:
            return False
        places = spec.submodule_search_locations
        places = getattr(places, "_path", places)  # of a namespace package, which would look for its parent
    return True


def asked_for(node, package):
    """The modules that an import statement, or a call of import_module with a literal name, asks for."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [".".join(package.split(".")[: len(package.split(".")) - node.level + 1] + [node.module])]
    if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
        function, name = getattr(node.func, "attr", getattr(node.func, "id", "")), node.args[0].value
        if function in ("import_module", "__import__") and isinstance(name, str):
            return [name]
    return []


def swallows(handler):
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = [getattr(kind, "attr", getattr(kind, "id", "")) for kind in kinds]
    caught = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}.intersection(names)
    return (caught or handler.type is None) and not isinstance(handler.body[-1], ast.Raise)


def imports_below(node, package, in_function, guarded, calls):
    """(line, module, does a function ask for it and go on without it?) of every import; calls: also of those in expressions."""
    found = [(node.lineno, name, in_function and guarded) for name in asked_for(node, package)]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        in_function, guarded = True, False
    for field, value in ast.iter_fields(node):
        inside = guarded
        if isinstance(node, ast.Try) and field == "body":
            inside = guarded or any(swallows(handler) for handler in node.handlers)
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and (calls or not isinstance(child, ast.expr)):
                found += imports_below(child, package, in_function, inside, calls)
    return found


def is_worth_parsing(text):
    """Does it hold a line that may ask for a Kafka client, or that stands in a block and may ask for a module? Parsing costs most."""
    asking = [line for line in text.splitlines() if b"import" in line]
    guarded = b"try" in text
    return any(b"kafka" in line or guarded and line[:1] in b" \t" for line in asking)


def read_source(place, name, package, clients):
    with open(name, "rb") as file:
        text = file.read()
    if not is_worth_parsing(text):
        return
    calls = b"import_module" in text or b"__import__" in text
    for line, module, swallowed in imports_below(ast.parse(text), package, False, False, calls):
        at, top = "%s:%d" % (place, line), module.split(".")[0]
        if swallowed and (at, module) not in told and not may_lack(module) and not is_installed(module):
            emit("swallowed", at, module, "it is not installed; a function imports it")
            told.add((at, module))
        if top in ("aiokafka", "confluent_kafka", "kafka") and is_installed(top):
            own = own_place(attribute(loaded.get(top), "__file__"))
            if not own:
                clients.setdefault(top, at)


def read_sources():
    """Looks for imports in functions, in the service's files that are loaded. Last: modules that hide Python's own are forgotten."""
    global ast, loaded
    builtins.__import__, loaded, clients = real_import, dict(sys.modules), {}
    for name in loaded:
        if isinstance(attribute(loaded[name], "__file__"), str):
            del sys.modules[name]
    look_in_library_only()
    import ast
    import gc

    gc.disable()  # it would walk through all that the service has loaded, for trees that hold no cycles
    sys.path = path
    for module in list(loaded.values()):
        name, package = attribute(module, "__file__"), attribute(module, "__package__")
        place = own_place(name)
        try:
            if place and place.endswith(".py"):
                read_source(place, name, package or "", clients)
        except Exception as e:
            emit("unread", place + ": " + reason(e))
    if len(clients) > 1:
        emit("kafka clients", ", ".join(["%s (%s)" % (client, clients[client]) for client in sorted(clients)]))


# ---- modules ----


def import_module(name):
    """Imports it as the service does, and returns it; None when that fails."""
    emit("importing", name)
    module, error = None, None
    try:
        module = __import__(name)
        emit("imported", name)
    except ModuleNotFoundError as e:
        error = e
        own = isinstance(e.name, str) and (name + ".").startswith(e.name + ".")
        emit("missing" if own else "broken", name, reason(e))
    except BaseException as e:
        error = e
        emit("broken", name, reason(e))
    if watching:
        tell_swallowed(error)
    return module


def find_module(name, tried):
    """A module that cannot be imported is told once."""
    if name not in tried:
        tried[name] = import_module(name)
    return tried[name]


def evaluate(name, expression):
    return eval(compile(expression.strip(), "<call>", "eval"), sys.modules[name].__dict__)


def is_expression_wrong(error):
    """No Python, or a name that the module lacks: what a server says later does not matter."""
    if isinstance(error, SyntaxError):
        return error.filename == "<call>"
    at = error.__traceback__
    while at and at.tb_next:
        at = at.tb_next
    return isinstance(error, NameError) and at is not None and at.tb_frame.f_code.co_filename == "<call>"


def call(tag, text, tried):
    """Evaluates "module:expression". A module that cannot be imported was told, and its expression is left out."""
    name, expression = text.split(":", 1)
    if not find_module(name, tried):
        return
    error = None
    emit("calling", tag)
    watch_log()
    try:
        evaluate(name, expression)
        emit("called", tag)
    except BaseException as e:
        error = e
        emit("call invalid" if is_expression_wrong(e) else "call failed", tag, reason(e), logged_beside(e))
    if watching:
        tell_swallowed(error)


# ---- what is logged ----


def watch_log():
    """Remembers what is logged from here on: a library may hand an error of its thread to a log that nobody prints."""
    global logged
    logged = []
    try:
        logger = sys.modules["logging"].Logger
        handle = logger.handle
        if getattr(handle, "startguard", None):
            return

        def watched(self, record):
            try:
                error = record.exc_info[1] if record.exc_info else None
                if error is not None:
                    logged.append((error, 100, reason(error)))
                elif record.levelno >= 30:  # WARNING
                    logged.append((None, record.levelno, one_line(record.getMessage(), 300)))
                del logged[:-50]
            except BaseException:
                pass
            return handle(self, record)

        watched.startguard = True
        logger.handle = watched
    except Exception:  # logging is not loaded, or is the service's own
        return


def logged_beside(error):
    """What was logged last, exceptions before errors before warnings, without this one and those it comes from; or nothing."""
    causes = set()
    while error is not None and id(error) not in causes:
        causes.add(id(error))
        error = error.__cause__ or error.__context__
    found = [(level, n, text) for n, (e, level, text) in enumerate(logged) if id(e) not in causes]
    return max(found)[2] if found else ""


# ---- a record by the service's own client ----

RECORD = b"startguard"
clients = []  # kept until the end, since the destructor of a client may wait, and log


def property_value(text):
    """The value of a property: env:NAME and file:/path are read here, so that no secret stands among the arguments."""
    if text.startswith("env:"):
        return os.environ[text[4:]]
    if text.startswith("file:"):
        with open(text[5:]) as file:
            return file.read().rstrip("\n")
    return text


def python_value(text):
    """kafka-python takes numbers and True as such; what stands in quotes is a text."""
    if text[:1] in "\"'" and text[-1:] == text[:1] and len(text) > 1:
        return text[1:-1]
    if text in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[text]
    return int(text) if text.lstrip("-").isdigit() else text


def make_client(module, text, properties):
    """What the service's factory makes, or the library's own with these properties."""
    if ":" in text:
        made = evaluate(*text.split(":", 1))
        return made() if callable(made) and not hasattr(made, "send") and not hasattr(made, "produce") else made
    if text == "kafka":
        return module.KafkaProducer(**{name.replace(".", "_"): python_value(value) for name, value in properties})
    return module.Producer(dict(properties))


def missing_topic(client, topic):
    """The error of a topic that is not there: librdkafka waits longer for it than the check. None: there is no other."""
    try:
        return client.list_topics(topic, 2).topics[topic].error
    except Exception:
        return None


def deliver(client, topic, seconds):
    """Sends one record, and returns (error, where it is) when a broker has answered."""
    if hasattr(client, "produce"):
        reports = []
        client.produce(topic, value=RECORD, on_delivery=lambda *report: reports.append(report))
        client.flush(seconds)
        if not reports:
            return missing_topic(client, topic), None
        error, message = reports[0]
        return error, None if error else "partition %d, offset %d" % (message.partition(), message.offset())
    future = client.send(topic, RECORD)
    if not hasattr(future, "get"):
        raise TypeError("send of the client gives no future with get: what needs asyncio takes calls")
    record = future.get(timeout=seconds)
    return None, "partition %d, offset %d" % (record.partition, record.offset)


def kafka_name(error):
    """Kafka's name of an error, TOPIC_AUTHORIZATION_FAILED. Empty: it is none of Kafka's."""
    try:
        for one in [error] + list(getattr(error, "args", ())):
            if hasattr(one, "name") and hasattr(one, "str"):  # KafkaError of confluent_kafka, which KafkaException holds
                return one.name()
        name = getattr(type(error), "message", "")  # of kafka-python
        return name if isinstance(name, str) and name.isupper() else ""
    except Exception:
        return ""


CODE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    SyntaxError,
    TypeError,
    ValueError,
)
FINAL_NAMES = ("_INVALID_ARG", "INVALID_RECORD", "MSG_SIZE_TOO_LARGE", "POLICY_VIOLATION", "UNSUPPORTED_COMPRESSION_TYPE")


def is_final(error):
    """Whether the same client fails in the same way however long the brokers are waited for. What is not known may pass."""
    if isinstance(error, OSError) or any("Timeout" in one.__name__ for one in type(error).__mro__):
        return False
    if isinstance(error, CODE_ERRORS) or type(error).__module__ == "struct":
        return True
    return kafka_name(error) in FINAL_NAMES or getattr(error, "retriable", None) is False  # False of kafka-python


def failed_word(error):
    """For the report. What a thread of the client has raised is in its log alone."""
    errors = [error] + [one for one, level, text in logged]
    return "undelivered" if any(is_final(one) for one in errors if one is not None) else "unconfirmed"


def produce(text, topic, properties, seconds, tried):
    """In a thread, since a client may wait longer than the check, for a first connection say."""
    name = text.split(":", 1)[0]
    module = find_module(name, tried)
    if not module:
        return
    import _thread

    outcome, done = [], _thread.allocate_lock()

    def run():
        error, place = None, None
        try:
            client = make_client(module, text, [(name, property_value(value)) for name, value in properties])
            clients.append(client)
            error, place = deliver(client, topic, seconds)
        except BaseException as e:
            error = e
        outcome.extend([error, place])
        done.release()

    emit("producing")
    watch_log()
    done.acquire()
    _thread.start_new_thread(run, ())
    done.acquire(timeout=seconds + 3)
    error, place = outcome or (None, None)
    if place:
        emit("delivered", place)
    elif error is None:
        emit(failed_word(None), "", "no broker has confirmed it after %d s" % seconds, logged_beside(None))
    elif isinstance(error, BaseException):
        emit(failed_word(error), kafka_name(error), reason(error), logged_beside(error))
    else:
        emit(failed_word(error), kafka_name(error), error.str(), "")


def ask_client(client):
    emit("asking")
    try:
        emit("librdkafka", *client.libversion()[:2])
    except BaseException as e:
        emit("no librdkafka", reason(e))


def main():
    global watching
    open_channel(int(sys.argv[1]))
    wanted = [one.split("=", 1) for one in sys.argv[2:]]
    sys.argv = [""]
    if sys.path[:1] == [""]:  # an import may change the folder
        try:
            sys.path[0] = os.getcwd()
        except OSError:
            pass
    emit("python", ".".join([str(n) for n in sys.version_info[:3]]), sys.executable)
    if sys.version_info < (3, 8):
        emit("too old")
        os._exit(0)
    distributions = [pair for pair in wanted if pair[0][0] in "df"]
    if distributions:
        look_for_distributions(distributions)
    watching = ["s", "yes"] in wanted
    if watching:
        watch_imports([name for tag, name in wanted if tag[0] == "l"])
    modules = {name: import_module(name) for name in dict.fromkeys(name for tag, name in wanted if tag[0] == "m")}
    for tag, text in wanted:
        if tag[0] == "c":
            call(tag, text, modules)
    for tag, text in wanted:
        if tag == "k":
            topic, seconds = [value for tag, value in wanted if tag in ("t", "w")]
            properties = [value.split("=", 1) for tag, value in wanted if tag == "p"]
            produce(text, topic, properties, int(seconds), modules)
    client = modules.get("confluent_kafka") or sys.modules.get("confluent_kafka")
    if client:
        ask_client(client)
    if watching:
        try:
            read_sources()
        except Exception as e:
            emit("unread", reason(e))
    emit("end")
    os._exit(0)  # without waiting for threads of the service's


if __name__ == "__main__":
    main()
