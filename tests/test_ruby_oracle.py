"""verify/ruby.py and verify/evaluate.rb: do they give what Open OnDemand would?"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ood_appgen.verify.ruby import (
    ADA,
    EVALUATE_RB,
    STAGED_ROOT,
    SUPPORT,
    Answer,
    Failure,
    Group,
    Rendered,
    Request,
    RubyDiedError,
    RubyMissingError,
    RubyOracle,
    RubyOracleError,
    RubyTimeoutError,
    User,
)
from tools import require_tool


@pytest.fixture(scope="module")
def oracle() -> Iterator[RubyOracle]:
    with RubyOracle(require_tool("ruby")) as running:
        yield running


def rendered(answer: Answer) -> Rendered:
    assert isinstance(answer, Rendered), answer
    return answer


def failure(answer: Answer) -> Failure:
    assert isinstance(answer, Failure), answer
    return answer


def submit(oracle: RubyOracle, text: str, **context: Any) -> dict[str, Any]:
    data = rendered(oracle.evaluate(Request("submit", text=text, context=context))).data
    assert data is not None
    return data


def submit_failure(oracle: RubyOracle, text: str, **context: Any) -> Failure:
    return failure(oracle.evaluate(Request("submit", text=text, context=context)))


def template(oracle: RubyOracle, text: str, **context: Any) -> str:
    return rendered(oracle.evaluate(Request("template", text=text, context=context))).text


def value(oracle: RubyOracle, ruby: str, **context: Any) -> Any:
    """Evaluate a Ruby expression in a submit file; its inspect comes back as a string."""
    return submit(oracle, f"a: <%= ({ruby}).inspect.to_json %>", **context)["a"]


# submit files


def test_submit_sees_fields_and_the_staged_root(oracle: RubyOracle) -> None:
    text = (
        "cluster: <%= cluster %>\nroot: <%= staged_root %>/run.sh\nkind: <%= staged_root.class %>"
    )
    assert submit(oracle, text, cluster="pitzer") == {
        "cluster": "pitzer",
        "root": f"{STAGED_ROOT}/run.sh",
        "kind": "Pathname",
    }


def test_unknown_name_in_submit_is_nil(oracle: RubyOracle) -> None:
    assert submit(oracle, "a: <%= nmu_cores %>\nb: <%= nmu_cores.to_json %>") == {
        "a": None,
        "b": None,
    }


def test_locals_do_not_leak_into_the_next_request(oracle: RubyOracle) -> None:
    assert submit(oracle, "a: <% mine = 4 %><%= mine %>") == {"a": 4}
    assert submit(oracle, "a: <%= mine.to_json %>") == {"a": None}


def test_globals_constants_methods_and_streams_do_not_leak(oracle: RubyOracle) -> None:
    text = """<%
      $mine = 1
      MINE = 2
      class Mine; end
      def mine = 3
      ENV['MINE'] = '4'
      ENV.delete('PATH')
      $stdout = StringIO.new
      $/ = 'x'
    %>a: <%= [$mine, MINE, Mine.new.class.to_s[-4..], mine, ENV['MINE']].to_json %>"""
    assert submit(oracle, text) == {"a": [1, 2, "Mine", 3, "4"]}
    assert (
        value(
            oracle,
            "[$mine, defined?(MINE), defined?(Mine), mine, ENV['MINE'], ENV.key?('PATH'), $/]",
        )
        == '[nil, nil, nil, nil, nil, true, "\\n"]'
    )
    assert value(oracle, "$stdout.class") == "IO"


def test_trim_mode_is_minus(oracle: RubyOracle) -> None:
    text = "a\n<% if true %>\nb\n<% end -%>\n  <%- 1 -%>\nc\n% d\n<%% e\n<%# f -%>\ng"
    assert template(oracle, text) == "a\n\nb\nc\n% d\n<% e\ng"


def test_fields_named_like_locals_of_ood_are_out_of_reach(oracle: RubyOracle) -> None:
    context = dict.fromkeys(["yml", "e", "bad_content", "hsh", "fmt", "num"], "x")
    request = Request(
        "submit",
        text="a: <%= [yml, e, bad_content, hsh, fmt, num].to_json %>",
        context=context,
        fmt="slurm",
    )
    assert rendered(oracle.evaluate(request)).data == {"a": [None, None, None, {}, "slurm", "x"]}


@pytest.mark.parametrize("name", ["class", "method", "to_json", "blank?", "with_options", "then"])
def test_illegal_field_names_fail_the_submission(oracle: RubyOracle, name: str) -> None:
    found = submit_failure(oracle, "a: 1", **{name: "x", "fine": "y"})
    assert found.error_class == "ArgumentError"
    assert name in found.message and "fine" not in found.message


def test_field_named_like_a_private_method_of_kernel_is_seen(oracle: RubyOracle) -> None:
    assert submit(oracle, "a: <%= system %>, <%= test %>", system="s", test="t") == {"a": "s, t"}


def test_submit_yaml_is_yaml_1_1(oracle: RubyOracle) -> None:
    text = "a: yes\nb: 1:30:00\nc: 010\nd: '010'\nd: last\n---\nsecond: document"
    assert submit(oracle, text) == {"a": True, "b": 5400, "c": 8, "d": "last"}


@pytest.mark.parametrize("text", ["", "---\n", "<% if false %>a: 1<% end %>", "# nothing"])
def test_empty_submit_is_an_empty_hash(oracle: RubyOracle, text: str) -> None:
    assert submit(oracle, text) == {}


@pytest.mark.parametrize(
    ("text", "error_class"),
    [
        ("a: &x 1\nb: *x", "Psych::BadAlias|Psych::AliasesNotEnabled"),  # the latter since 4.0.4
        ("a: 2024-01-01", "Psych::DisallowedClass"),
        ("a: 2024-01-01 10:00:00", "Psych::DisallowedClass"),
        ("a: :symbol", "Psych::DisallowedClass"),
        ("a: !ruby/object:Object {}", "Psych::DisallowedClass"),
        ("a: 'unclosed", "Psych::SyntaxError"),
        ("just a string", "NoMethodError"),
        ("false", "NoMethodError"),
        ("[1, 2]", "TypeError"),
    ],
)
def test_submit_yaml_that_ood_refuses(oracle: RubyOracle, text: str, error_class: str) -> None:
    found = submit_failure(oracle, text)
    assert found.error_class in error_class.split("|")
    assert found.text == text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: {b: [1, .nan]}", "submit.a.b[1] is of class Float (NaN)"),
        ("a: -.inf", "submit.a is of class Float (-Infinity)"),
        ("a: {1: x}", "a key of submit.a is of class Integer (1)"),
        ("on: x", "a key of submit is of class TrueClass (true)"),
        ("a: !binary gIGC", "submit.a is a String that is not valid UTF-8"),
        ("a: " + "[" * 95 + "]" * 95, "submit is nested too deeply"),
    ],
)
def test_what_json_cannot_carry_is_an_error(oracle: RubyOracle, text: str, place: str) -> None:
    found = submit_failure(oracle, text)
    assert found.error_class == "NotJson"
    assert found.message.startswith(place)


def test_text_that_is_not_utf_8_is_an_error(oracle: RubyOracle) -> None:
    found = failure(oracle.evaluate(Request("template", text=r'<%= "\xff" %>')))
    assert found == Failure(
        "NotJson",
        "the text is a String that is not valid UTF-8, which JSON cannot carry",
        None,
        None,
    )


# template files and views


def test_template_has_context_and_session(oracle: RubyOracle) -> None:
    text = (
        "<%= context.cluster %> <%= session.staged_root.join('a') %> <%= session.id %>"
        " <%= session.cluster_id %> <%= session.script_file %> <%= staged_root rescue 'none' %>"
    )
    assert template(oracle, text, cluster="pitzer") == (
        f"pitzer {STAGED_ROOT}/a abc pitzer {STAGED_ROOT}/script.sh none"
    )


def test_unknown_name_in_template_raises(oracle: RubyOracle) -> None:
    found = failure(oracle.evaluate(Request("template", text="\n<%= context.nmu_cores %>")))
    assert found.error_class == "NoMethodError"
    assert "nmu_cores" in found.message
    assert found.line == 2
    bare = failure(
        oracle.evaluate(Request("template", text="<%= cores %>", context={"cores": "1"}))
    )
    assert bare.error_class == "NameError"


def test_context_methods_win_over_fields(oracle: RubyOracle) -> None:
    context = {"count": "9", "partition": "gpu", "filter": "f", "test": "t"}
    text = "<%= [context.count, context.partition, context.filter, context.test].to_json %>"
    assert json.loads(template(oracle, text, **context)) == [4, "gpu", "f", "t"]
    found = failure(
        oracle.evaluate(Request("template", text="<%= context.errors %>", context={"errors": "x"}))
    )
    assert found.error_class == "NotImplementedError"


def test_context_lists_its_fields(oracle: RubyOracle) -> None:
    text = "<%= context.map { |a| [a.id, a.value] }.to_json %> <%= context.to_h.to_json %>"
    assert template(oracle, text, a="1", b="2") == '[["a","1"],["b","2"]] {"a":"1","b":"2"}'


def test_view_sees_the_connection(oracle: RubyOracle) -> None:
    request = Request(
        "view",
        text="<%= host %>:<%= port + 1 %> <%= nope.inspect %> <%= session.id %> <%= e.inspect %>",
        context={"host": "node1", "port": 8080, "e": "shadowed"},
    )
    assert rendered(oracle.evaluate(request)) == Rendered("node1:8081 nil abc nil", None)


# the stand-ins


@pytest.mark.parametrize(
    ("ruby", "printed"),
    [
        ("'</script>&'.to_json", r'"\u003c/script\u003e\u0026"'),
        (r'"\u2028\u2029".to_json', r'"\u2028\u2029"'),
        (r'"a\"b\\\\c/\n\té".to_json', r'"a\"b\\\\c/\n\té"'),
        ("(0.0/0).to_json", "null"),
        (
            "{1 => :s, '<' => [nil, true, 1.5, 1.0/0]}.to_json",
            r'{"1":"s","\u003c":[null,true,1.5,null]}',
        ),
        ("Pathname.new('/a').to_json", '"/a"'),
        ("Time.at(0).utc.to_json", '"1970-01-01T00:00:00.000Z"'),
        ("Date.new(2020, 1, 2).to_json", '"2020-01-02"'),
        ("OpenStruct.new(a: 1).to_json", '{"table":{"a":1}}'),
        ("[(1..2), /x/, Struct.new(:q).new(3)].to_json", '["1..2","(?-mix:x)",{"q":3}]'),
        ("{a: 1, b: 2}.to_json(only: :a)", '{"a":1}'),
        ("{'a' => 1, 'b' => 2}.to_json(except: 'a')", '{"b":2}'),
        ("JSON.generate('<')", '"<"'),
    ],
)
def test_to_json_is_that_of_rails(oracle: RubyOracle, ruby: str, printed: str) -> None:
    assert template(oracle, f"<%= {ruby} %>") == printed


@pytest.mark.parametrize(
    "text", ["", "a: b", "*x", "no", "0123", 'q"\\\n\té</a>&\u2028', "#{1}", "<%"]
)
def test_to_json_in_yaml_gives_the_text_back(oracle: RubyOracle, text: str) -> None:
    assert submit(oracle, "a: <%= x.to_json %>", x=text) == {"a": text}


@pytest.mark.parametrize(
    "blank", ["nil", "''", r'" \t\n\u00a0"', "[]", "{}", "false", "Pathname.new('')"]
)
def test_blank(oracle: RubyOracle, blank: str) -> None:
    ruby = f"[({blank}).blank?, ({blank}).present?, ({blank}).presence]"
    assert value(oracle, ruby) == "[true, false, nil]"


@pytest.mark.parametrize("present", ["'a'", "[nil]", "{a: 1}", "0", "1.5", "true", ":a"])
def test_present(oracle: RubyOracle, present: str) -> None:
    ruby = f"x = ({present}); [x.blank?, x.present?, x.presence == x]"
    assert value(oracle, ruby) == "[false, true, true]"


def test_shellescape_and_erb_util(oracle: RubyOracle) -> None:
    text = "<%= context.x.shellescape %> <%= ERB::Util.html_escape(context.x) %>"
    assert template(oracle, text, x="a b'<") == "a\\ b\\'\\< a b&#39;&lt;"


WHO = (
    "[ENV['USER'], ENV['LOGNAME'], ENV['HOME'], File.expand_path('~'), Etc.getlogin,"
    " Etc.getpwnam(ENV['USER']).uid, Etc.getpwnam(ENV['USER']).gid, Etc.getpwuid.name,"
    " Process.uid, Process.gid, OodSupport::User.new.home]"
)


def test_the_user_is_the_one_of_the_request_and_of_no_other(oracle: RubyOracle) -> None:
    grace = User("grace", 4001, 4002, "/home/grace")

    def who(user: User) -> Any:
        answer = oracle.evaluate(Request("submit", text=f"a: <%= {WHO}.to_json %>", user=user))
        return (rendered(answer).data or {})["a"]

    def expected(user: User) -> list[str | int]:
        strings = [user.name, user.name, user.home, user.home, user.name]
        return [*strings, user.uid, user.gid, user.name, user.uid, user.gid, user.home]

    assert [who(ADA), who(grace), who(ADA)] == [expected(ADA), expected(grace), expected(ADA)]
    assert submit(oracle, f"a: <%= (ENV['HOME'] = '/x') && {WHO}[2] %>") == {"a": "/x"}
    assert who(ADA) == expected(ADA)


def test_without_a_user_there_is_nobody(oracle: RubyOracle) -> None:
    text = "<%= [ENV['USER'], ENV['LOGNAME'], ENV['HOME']].inspect %>"
    nobody = Request("template", text=text, user=None)
    assert rendered(oracle.evaluate(nobody)).text == "[nil, nil, nil]"
    for ruby in ["OodSupport::User.new", "Etc.getlogin", "Process.uid", "Etc.getpwnam('root')"]:
        asked = Request("template", text=f"<%= {ruby} %>", user=None)
        assert failure(oracle.evaluate(asked)).error_class == "ArgumentError"


def test_etc_is_itself_again_between_requests() -> None:
    script = (
        "load ARGV[0]; before = [Etc.getpwuid.to_a, Process.uid, ENV['HOME']]\n"
        "evaluator = AppgenOracle::Evaluator.new\n"
        "user = {name: 'ada', uid: 7, gid: 7, home: '/home/ada'}\n"
        "puts evaluator.answer({kind: 'submit', user: user, "
        "text: 'a: <%= Etc.getpwuid.name %> <%= Process.uid %>'}.to_json)\n"
        "puts before[0, 2] == [Etc.getpwuid.to_a, Process.uid]\n"
    )
    command = [require_tool("ruby"), "-e", script, str(EVALUATE_RB)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    answer, same = done.stdout.splitlines()
    assert json.loads(answer)["data"] == {"a": "ada 7"}
    assert same == "true"


def test_other_users_are_known_by_name(oracle: RubyOracle) -> None:
    ruby = (
        "u = OodSupport::User.new('support'); [u.name, u.to_s, u.uid, u.id, u.home, u.dir, u.shell]"
    )
    home = '"/users/support"'
    assert value(oracle, ruby) == f'["support", "support", 1002, 1002, {home}, {home}, "/bin/bash"]'


@pytest.mark.parametrize("ruby", ["OodSupport::User.new('nope')", "Etc.getpwnam('nope')"])
def test_unknown_user(oracle: RubyOracle, ruby: str) -> None:
    found = submit_failure(oracle, f"a: 1\nb: <%= {ruby} %>")
    assert (found.error_class, found.message, found.line) == (
        "ArgumentError",
        "can't find user for nope",
        2,
    )


def test_users_of_the_machine_are_unknown(oracle: RubyOracle) -> None:
    assert submit_failure(oracle, "<%= Etc.getpwnam('root') %>").error_class == "ArgumentError"


def test_ood_user_has_no_gid(oracle: RubyOracle) -> None:
    assert (
        submit_failure(oracle, "a: <%= OodSupport::User.new.gid %>").error_class == "NoMethodError"
    )


def test_groups(oracle: RubyOracle) -> None:
    user = User("ada", 1, 20, "/h", groups=(Group("staff", 20), Group("PZS0708", 30)))
    ruby = (
        "u = OodSupport::User.new; [u.groups.map(&:name), u.group.to_s, u.groups.map(&:id),"
        " u.in_group?('PZS0708'), OodSupport::Process.groups.map(&:to_s),"
        " OodSupport::Process.groups_changed?, Etc.getgrgid(30).mem,"
        " u == OodSupport::User.new('ada')]"
    )
    answer = oracle.evaluate(Request("submit", text=f"a: <%= ({ruby}).to_json %>", user=user))
    assert rendered(answer).data == {
        "a": [
            ["staff", "PZS0708"],
            "staff",
            [20, 30],
            True,
            ["staff", "PZS0708"],
            False,
            ["ada"],
            True,
        ]
    }
    found = submit_failure(oracle, "a: <%= OodSupport::Group.new('nope') %>")
    assert found.message == "can't find group for nope"
    assert submit(oracle, "a: <%= OodSupport::User.new.group %>") == {"a": "ada"}


@pytest.mark.parametrize("kind", ["User", "Group"])
def test_users_and_groups_are_compared_by_name(oracle: RubyOracle, kind: str) -> None:
    """As ood_support's own are: by name in any order, equal in a hash only to their like."""
    ruby = (
        f"k = OodSupport::{kind}; a, b = k.new('support'), k.new('ada');"
        " [[a, b].min.name, a <=> b, a == k.new('support'), a == 'support', a.eql?('support'),"
        " [a, b, k.new('ada')].uniq.size, a.eql?(k.new('support')), a.eql?(nil), a.to_s]"
    )
    assert submit(oracle, f"a: <%= ({ruby}).to_json %>") == {
        "a": ["ada", 1, True, True, False, 2, True, False, "support"]
    }


# templates that misbehave


@pytest.mark.parametrize(
    ("ruby", "error_class"),
    [
        ("exit", "SystemExit"),
        ("exit 3", "SystemExit"),
        ("exit!", "SystemExit"),
        ("Process.exit!(1)", "SystemExit"),
        ("abort 'bye'", "SystemExit"),
        ("fork", "NotImplementedError"),
        ("Process.fork { 1 }", "NotImplementedError"),
        ("exec 'true'", "NotImplementedError"),
        ("require 'no/such/library'", "LoadError"),
        ("raise NotImplementedError", "NotImplementedError"),
        ("raise Interrupt", "Interrupt"),
        ("raise SignalException, 'TERM'", "SignalException"),
        ("throw :x", "UncaughtThrowError"),
        ("return", "LocalJumpError"),
        ("def f = f; f", "SystemStackError"),
        ("1 +", "SyntaxError"),
        ("break", "SyntaxError"),
        ("}", "SyntaxError"),
        ("raise Class.new(StandardError) { def message = raise('no') }", ""),
        ("raise 'caf\\xe9'", "RuntimeError"),
    ],
)
@pytest.mark.parametrize("kind", ["submit", "template", "view"])
def test_whatever_is_raised_is_an_answer(
    oracle: RubyOracle, kind: Any, ruby: str, error_class: str
) -> None:
    found = failure(oracle.evaluate(Request(kind, text=f"\n\n<% {ruby} %>")))
    assert found.error_class == error_class
    assert found.text is None
    assert submit(oracle, "a: 1") == {"a": 1}


def test_errors_name_the_line_of_the_template(oracle: RubyOracle) -> None:
    for ruby in ["raise 'x'", "1 +", "[1].each { Integer('x') }", "exit"]:
        assert submit_failure(oracle, f"a: 1\n\n<% {ruby} %>\nb: 2").line == 3


def test_messages_are_the_same_each_time(oracle: RubyOracle) -> None:
    assert submit_failure(oracle, "<%= Nope %>").message == "uninitialized constant Nope"
    message = submit_failure(oracle, "<%= Object.new.nope %>").message
    assert message.startswith("undefined method") and not re.search("0x[0-9a-f]", message)


def test_submit_is_known_to_ruby_by_its_path(oracle: RubyOracle, tmp_path: Path) -> None:
    path = tmp_path / "submit.yml.erb"
    answer = oracle.evaluate(Request("submit", path=path, text="a: <%= __FILE__ %>"))
    assert rendered(answer).data == {"a": str(path)}
    broken = failure(oracle.evaluate(Request("submit", path=path, text="\n<% 1 + %>")))
    assert broken.message.startswith(f"{path}:2: syntax error")
    assert template(oracle, "<%= __FILE__ %>") == "(erb)"


def test_what_templates_print_does_not_reach_the_protocol() -> None:
    with RubyOracle(require_tool("ruby")) as oracle:
        text = (
            "<% puts 'one'; $stdout.puts 'two'; STDOUT.puts 'three'; p 4; system('echo five')"
            "; $stderr.puts 'six'; warn 'seven' %>a: <%= [gets, $stdin.read, `echo 8`].to_json %>"
        )
        assert submit(oracle, text) == {"a": [None, "", "8\n"]}
        assert submit(oracle, "a: 1") == {"a": 1}
        noise = oracle.noise()
        assert sorted(noise.split()) == sorted(["one", "two", "three", "4", "five", "six", "seven"])
        assert submit(oracle, "a: <% puts 'nine' %>2") == {"a": 2}
        assert oracle.noise().startswith(noise)


# files, many requests, the process itself


def test_changed_file_is_read_again(oracle: RubyOracle, tmp_path: Path) -> None:
    path = tmp_path / "submit.yml.erb"
    for at in range(10):  # of one size, and in one tick of the clock
        path.write_text(f"a: <%= {at} %>\n")
        os.utime(path, (0, 0))
        assert rendered(oracle.evaluate(Request("submit", path=path))).data == {"a": at}


def test_submit_without_erb_in_its_name_is_only_yaml(oracle: RubyOracle, tmp_path: Path) -> None:
    path = tmp_path / "submit.yml"
    path.write_text("a: '<%= 1 %>'\n")
    assert rendered(oracle.evaluate(Request("submit", path=path))).data == {"a": "<%= 1 %>"}


def test_missing_file_is_an_answer(oracle: RubyOracle, tmp_path: Path) -> None:
    found = failure(oracle.evaluate(Request("submit", path=tmp_path / "submit.yml.erb")))
    assert found.error_class == "Errno::ENOENT"


def test_five_thousand_requests_on_one_process(oracle: RubyOracle) -> None:
    text = "a: <% n = x.to_i * 2 %><%= n %>\nb: <%= x.to_json %>\npad: " + "z" * 200
    requests = [Request("submit", text=text, context={"x": str(at)}) for at in range(4999)]
    answers = oracle.evaluate_all([*requests, Request("submit", text="<% exit %>")])
    assert len(answers) == 5000
    for at, answer in enumerate(answers[:-1]):
        data = rendered(answer).data
        assert data is not None and (data["a"], data["b"]) == (2 * at, str(at))
    assert failure(answers[-1]).error_class == "SystemExit"


def test_more_texts_than_are_kept(oracle: RubyOracle) -> None:
    requests = [Request("template", text=f"<%= {at} %>") for at in range(1500)] * 2
    assert [rendered(answer).text for answer in oracle.evaluate_all(requests)] == [
        str(at) for at in range(1500)
    ] * 2


def test_long_texts_fill_no_pipe(oracle: RubyOracle) -> None:
    requests = [Request("template", text="y" * 300_000 + str(at)) for at in range(20)]
    for at, answer in enumerate(oracle.evaluate_all(requests)):
        assert rendered(answer).text == requests[at].text


def test_no_requests(oracle: RubyOracle) -> None:
    assert oracle.evaluate_all([]) == []


def test_the_protocol_itself() -> None:
    lines = [
        "not json",
        "[1]",
        '{"id": "x", "kind": "form", "text": ""}',
        '{"id": 2, "kind": "submit"}',
        '{"id": 3, "kind": "submit", "text": "a: 1", "user": {"name": "ada"}}',
        '{"id": 4, "kind": "submit", "text": "a: <%= é.inspect %>"}',
    ]
    command = [require_tool("ruby"), str(EVALUATE_RB)]
    done = subprocess.run(
        command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=30
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [None, None, "x", 2, 3, 4]
    assert [answer.get("error", {}).get("class") for answer in answers] == [
        "JSON::ParserError",
        "BadRequest",
        "BadRequest",
        "BadRequest",
        "BadRequest",
        None,
    ]
    assert answers[-1] == {"id": 4, "ok": True, "text": "a: nil", "data": {"a": "nil"}}
    assert done.returncode == 0


def test_ruby_that_dies_is_an_error() -> None:
    with RubyOracle(require_tool("ruby")) as oracle:
        text = "<% $stderr.puts 'last words'; Process.kill('KILL', $$); sleep 9 %>"
        with pytest.raises(RubyDiedError, match=r"exit status -9.*submit .*with .*last words"):
            submit(oracle, text, x="1")
        with pytest.raises(RubyOracleError, match="closed"):
            submit(oracle, "a: 1")


def test_template_without_end_is_an_error() -> None:
    with (
        RubyOracle(require_tool("ruby"), timeout_s=0.5) as oracle,
        pytest.raises(RubyTimeoutError, match=r"no answer in 0.5 s to submit '<% loop"),
    ):
        submit(oracle, "<% loop { sleep 1 } %>")


def test_missing_ruby_is_an_error() -> None:
    with pytest.raises(RubyMissingError, match="no program 'no-such-ruby'"):
        RubyOracle("no-such-ruby")


def test_closing_twice() -> None:
    oracle = RubyOracle(require_tool("ruby"))
    oracle.close()
    oracle.close()


def test_support_is_there_by_default() -> None:
    assert Request("submit").users == (SUPPORT,)


# tools.py


def test_tool_that_is_there() -> None:
    assert Path(require_tool("sh")).is_absolute()


def test_missing_tool_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-tool is not on PATH"):
        require_tool("no-such-tool")


@pytest.mark.parametrize("ci", [None, ""])
def test_missing_tool_skips_elsewhere(monkeypatch: pytest.MonkeyPatch, ci: str | None) -> None:
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    with pytest.raises(pytest.skip.Exception, match="no-such-tool is not on PATH"):
        require_tool("no-such-tool")
