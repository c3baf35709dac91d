"""Holds the documentation to the program.

    docs.py names HELP.json ROOT   every `gondola …` that a document names exists, with the flags that it is given
    docs.py run HELP.json ROOT     the commands of the documents' ```sh blocks are run, in their order, against the stack that
                                   the environment names; and what --json prints has the fields that docs/cli.md lists

A block that is not for every day, or not for this machine, is not marked `sh`. A line that only says what to set is passed
over (it holds `…`); what would go on for ever is ended after some seconds, and has to have printed something by then.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

RUN = ["docs/phone.md", "docs/cli.md"]
ENDLESS = ("text/event-stream", "gondola feed tail")
failures = []


def documents(root):
    return sorted(root.glob("docs/*.md")) + [root / "README.md", root / "CONTRIBUTING.md"]


# --- names ------------------------------------------------------------------------------------------------------------


def commands(text):
    """Each `gondola …` in code: blocks, and words between backticks."""
    for language, block in re.findall(r"^```([^\n]*)\n(.*?)^```", text, re.S | re.M):
        for line in joined(block) if language in ("", "sh", "console") else []:
            for match in re.finditer(CALL + r"([^\n]*)", line):
                yield match.group(1)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    for code in re.findall(r"`([^`\n]+)`", prose):
        match = re.match(r"(?:[A-Z_]+=\S+ )*gondola (.+)", code)
        if match:
            yield match.group(1)


# Where a command begins: a line, or after what ends another, with variables before it or a path.
CALL = r"(?:^ *|&& |; |\$\(|\| |# |: |  )(?:[A-Z_]+=\S+ )*(?:\.build/\w+/)?gondola (?=[a-z-])"


def words(line):
    line = re.split(r"\s[#|;>]|[);]|&&|\s&\s|\s{2,}gondola ", line)[0]
    return re.findall(r'"[^"]*"|\S+', line)


def check_names(root, tool):
    count = 0
    for path in documents(root):
        for line in commands(path.read_text()):
            problem = trouble(words(line), tool)
            count += 1
            if problem:
                failures.append(f"{path.relative_to(root)}: gondola {line}: {problem}")
    if count < 50:
        failures.append(f"only {count} commands were found in the documents: docs.py reads them wrongly")
    return count


def trouble(line, tool):
    """What is wrong with a command line; None where nothing is."""
    command = tool
    rest = list(line)
    while rest and not rest[0].startswith("-"):
        subcommands = {sub["commandName"]: sub for sub in command.get("subcommands", [])}
        if rest[0] not in subcommands:
            break
        command = subcommands[rest.pop(0)]
    has_default = command.get("defaultSubcommand")
    if command.get("subcommands") and not has_default and rest and not rest[0].startswith(("-", "…")):
        return f"there is no `{rest[0]}`"
    flags = set()
    for part in [command] + [s for s in command.get("subcommands", []) if s["commandName"] == has_default]:
        for argument in part.get("arguments", []):
            flags |= {("--" if n["kind"] == "long" else "-") + n["name"] for n in argument.get("names", [])}
    for word in rest:
        name = word.split("=")[0].rstrip("`,.:")
        if name.startswith("--") and name not in flags | {"--help", "--experimental-dump-help", "--generate-completion-script"}:
            return f"there is no {name}"
    return None


# --- run --------------------------------------------------------------------------------------------------------------


def joined(block):
    """Lines with those that go on after a backslash made one."""
    return block.replace("\\\n", " ").split("\n")


def run_blocks(root):
    count = 0
    for name in RUN:
        text = (root / name).read_text()
        script = ["set -euo pipefail", PREPARE]
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M):
            script += joined(block)
        script = passed_over("\n".join(script))
        count += len([line for line in script.split("\n") if re.search(r"\b(gondola|curl)\b", line)])
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run(
                ["bash", "-x", "-c", script], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=600)
        if done.returncode != 0:
            said = "\n".join((done.stdout[-2000:] + done.stderr[-4000:]).split("\n")[-40:])
            failures.append(f"{name}: ended with status {done.returncode}:\n{said}")
        for problem in re.findall(r'"type":"urn:gondola:problem:[^}]*', done.stdout):
            failures.append(f"{name}: the server said {problem}")
    return count


# CURSOR and VIDEO are what a reader would have taken from the answers before.
PREPARE = r'''
briefly() {
    local status=0
    timeout 10 "$@" >endless.out || status=$?
    [ "$status" = 124 ] || [ "$status" = 0 ] || return "$status"
    [ -s endless.out ]
}
await_video() {
    CURSOR=$(curl -sS -H "$auth" "$GONDOLA_SERVER/v1/changes" | jq -er .cursor)
    until VIDEO=$(curl -sS -H "$auth" "$GONDOLA_SERVER/v1/changes" |
        jq -er '[.changes[] | select(.kind == "video")][0].id'); do sleep 0.2; done
}
'''


def passed_over(script):
    lines = []
    for line in script.split("\n"):
        if "…" in line or line.startswith("export GONDOLA_"):
            continue
        if line.strip().startswith("curl") and "$CURSOR" in line:
            lines.append("await_video")
        if any(word in line for word in ENDLESS):
            line = "briefly " + line.split("  #")[0]
        lines.append(line)
    return "\n".join(lines)


# --- JSON -------------------------------------------------------------------------------------------------------------


def check_fields(root):
    """The fields that a command prints are those that its line lists; only what needs no arguments and changes nothing."""
    count = 0
    for commands_cell, fields_cell in re.findall(r"^\| `(gondola [^`|]*)` \| (.*) \|$", (root / "docs/cli.md").read_text(), re.M):
        arguments = {"gondola jobs show": ["JOB"], "gondola users show": ["USER"]}.get(commands_cell, [])
        if not SAFE.match(commands_cell) and not arguments:
            continue
        listed = set(re.findall(r"`([a-z_]+)`", re.sub(r"\([^)]*\)", "", fields_cell)))
        if commands_cell == "gondola models list":
            continue
        values = [value_of(argument) for argument in arguments]
        done = subprocess.run(
            commands_cell.split() + values + ["--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        if done.returncode not in (0, 1):
            failures.append(f"{commands_cell} --json: status {done.returncode}: {done.stderr}")
            continue
        value = json.loads(done.stdout)
        is_list = fields_cell.startswith("list")
        if isinstance(value, list) != is_list:
            failures.append(f"{commands_cell} --json: is {'no' if is_list else 'a'} list")
            continue
        found = set().union(*[set(item) for item in value]) if is_list else set(value)
        if found - listed:
            failures.append(f"{commands_cell} --json: docs/cli.md does not list {sorted(found - listed)}")
        count += 1
    if count < 10:
        failures.append(f"only {count} commands were asked for JSON: docs.py reads docs/cli.md wrongly")
    return count


SAFE = re.compile(r"gondola (\w+ (list|limits|balance|spend|unknowns|refunds|audit|usage|status|plan)|config (show|check))$")


def value_of(what):
    listing = {"JOB": ["jobs", "list"], "USER": ["users", "list"]}[what]
    found = json.loads(subprocess.run(["gondola"] + listing + ["--json"], capture_output=True, text=True, check=True).stdout)
    return found[-1]["id"]


def main():
    mode, help_file, root = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    tool = json.loads(pathlib.Path(help_file).read_text())["command"]
    if mode == "names":
        said = f"{check_names(root, tool)} commands named"
    else:
        said = f"{run_blocks(root)} commands run, {check_fields(root)} asked for JSON"
    for failure in failures:
        print(f"docs: {failure}", file=sys.stderr)
    print(f"docs: {said}, {len(failures)} wrong")
    sys.exit(1 if failures else 0)


main()
