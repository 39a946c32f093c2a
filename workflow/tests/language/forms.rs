//! Every way to write a thing gives the same plan, and what is said once applies where it is said.

use candor_proto::Plan;
use candor_proto::message::Severity;
use candor_proto::plan::{Backoff, FailPolicy, OnFail};
use candor_workflow::{Files, Mode};
use serde_json::json;

use crate::stage::{compiled, errors, run};

fn plan(text: &str) -> Plan {
    let compiled = run(text);
    assert_eq!(errors(&compiled), Vec::<String>::new(), "{text}");
    compiled.plan.unwrap()
}

/// A plan with one task beside `a` and `b`, from the lines of that task.
fn task(lines: &str) -> candor_proto::plan::Task {
    let text = format!("name: x\ntasks:\n- {{ id: a, run: x }}\n- {{ id: b, run: x }}\n- {{ id: t, {lines} }}\n");
    plan(&text).tasks.pop().unwrap()
}

#[test]
fn a_plan_does_not_depend_on_the_order_of_keys_comments_style_or_aliases() {
    let first = "name: x\nenv: { A: one, B: '2' }\ninputs: { n: { type: integer, default: 1_000 }, s: string }\n\
                 tasks:\n- { id: a, run: echo hi, env: { C: one }, timeout: 90s, with: { shell: bash, args: [p, q] } }\n\
                 - { id: b, needs: [a], run: echo hi, env: { C: one } }\n";
    let others = [
        "# A comment.\ntasks:\n  - with:\n      args: # more\n        - p\n        - \"q\"\n      shell: 'bash'\n    timeout: 1m30s\n    \
         env:\n      C: one\n    run: >-\n      echo\n      hi\n    id: a\n  - env: { C: one }\n    needs: a\n    id: b\n    run: |-\n      echo hi\n\
         inputs: { s: { type: string }, n: { default: 1000, type: integer } }\nenv: { B: \"2\", A: one }\nname: \"x\"\n",
        "name: &n x\nenv: { A: &one one, B: '2' }\ninputs: { n: { type: integer, default: 1000 }, s: string }\ntasks:\n\
         - { id: a, run: &say echo hi, env: &own { C: *one }, timeout: PT90S, with: { shell: bash, args: [p, q] } }\n\
         - { id: b, needs: { all: [a] }, run: *say, env: *own }\n",
        "\u{feff}name: x\r\nenv: { A: one, B: '2' }\r\ninputs: { n: { type: integer, default: 1000 }, s: string }\r\n\
         tasks:\r\n  a:\r\n    run: echo hi\r\n    env: { C: one }\r\n    timeout: 90s\r\n    with: { shell: bash, args: [p, q] }\r\n  \
         b: { depends: [a], run: echo hi, env: { C: one } }\r\n",
    ];
    let json = json!({
        "env": {"B": "2", "A": "one"}, "name": "x",
        "inputs": {"s": {"type": "string"}, "n": {"type": "integer", "default": 1000}},
        "tasks": {
            "a": {"run": "echo hi", "env": {"C": "one"}, "timeout": "90s", "with": {"args": ["p", "q"], "shell": "bash"}},
            "b": {"dependencies": ["a"], "run": "echo hi", "env": {"C": "one"}}
        }
    });
    let wanted = plan(first);
    for other in others.into_iter().map(ToOwned::to_owned).chain([json.to_string()]) {
        let other = plan(&other);
        assert_eq!(other, wanted);
        assert_eq!(other.hash(), wanted.hash());
    }
}

#[test]
fn a_map_of_tasks_keeps_the_order_in_which_they_stand() {
    let plan = plan("name: x\ntasks:\n  zebra: { run: x }\n  ant: { run: x }\n  mouse: { run: x, id: mouse }\n");
    assert_eq!(plan.tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["zebra", "ant", "mouse"]);
}

#[test]
fn each_part_of_a_retry_and_a_confidence_has_its_default_by_itself() {
    let plan = plan(
        "name: x\ndefaults:\n  retry: { max_attempts: 5, backoff: constant, delay: 2s, max_delay: 10s, on: [exit] }\n  \
         confidence: { min: 0.8, on_low: warn }\ntasks:\n- { id: a, run: x, retry: { max_attempts: 2 }, confidence: 0.5 }\n\
         - { id: b, run: x, retry: { delay: 1m, on: timeout }, confidence: { on_low: fail } }\n- { id: c, run: x, retry: { } }\n",
    );
    let retry = |task: usize| {
        let retry = &plan.tasks[task].retry;
        (retry.max_attempts, retry.backoff, retry.delay_ms, retry.max_delay_ms, retry.on.join(" "))
    };
    assert_eq!(retry(0), (2, Backoff::Constant, 2_000, 10_000, "exit".to_owned()));
    assert_eq!(retry(1), (5, Backoff::Constant, 60_000, 60_000, "timeout".to_owned()));
    assert_eq!(retry(2), (5, Backoff::Constant, 2_000, 10_000, "exit".to_owned()));
    let confidence = |task: usize| plan.tasks[task].confidence.map(|rule| (rule.min.get(), rule.on_low));
    assert_eq!(confidence(0), Some((0.5, OnFail::Warn)));
    assert_eq!(confidence(1), Some((0.8, OnFail::Fail)));
    assert_eq!(confidence(2), Some((0.8, OnFail::Warn)));
}

#[test]
fn the_older_style_of_a_model_task_means_uses_llm() {
    let text = "name: x\ntasks:\n- { id: a, instruction: Say it., required_info: [who], config: { samples: 2 } }\n";
    let compiled = compiled(text, &Files::default(), Mode::Validate);
    let plan = compiled.plan.unwrap();
    assert_eq!(plan.tasks[0].uses, "llm");
    assert_eq!(plan.tasks[0].with, json!({"instruction": "Say it.", "require": ["who"], "samples": 2}));
}

#[test]
fn needs_has_four_forms() {
    let needs = |lines: &str| {
        let needs = task(&format!("run: x, {lines}")).needs;
        (needs.all.join(" "), needs.any.join(" "))
    };
    let pair = |all: &str, any: &str| (all.to_owned(), any.to_owned());
    assert_eq!(needs("needs: a"), pair("a", ""));
    assert_eq!(needs("needs: [a, b, a]"), pair("a b", ""));
    assert_eq!(needs("needs: { all: a, any: [b] }"), pair("a", "b"));
    assert_eq!(needs("needs: { any: [a, b] }"), pair("", "a b"));
    assert_eq!(needs("needs: { }"), pair("", ""));
    assert_eq!(needs("needs: "), pair("", ""));
}

#[test]
fn a_condition_is_written_with_or_without_braces_and_over_several_lines() {
    for when in ["\"succeeded('a')\"", "\"${{ succeeded('a') }}\"", "\"  ${{succeeded('a')}} \""] {
        assert_eq!(task(&format!("run: x, needs: a, when: {when}")).when.as_deref(), Some("succeeded('a')"), "{when}");
    }
    assert_eq!(task("run: x, when: true").when.as_deref(), Some("true"));
    let block = plan(
        "name: x\ninputs: { l: { type: list, default: [] } }\ntasks:\n- id: a\n  run: x\n  when: |\n    ${{ run.id != '' }}\n  \
         for_each: >\n    ${{ inputs.l }}\n  checks:\n  - assert: |\n      ${{ outputs.exit_code == 0 }}\n",
    );
    assert_eq!(block.tasks[0].when.as_deref(), Some("run.id != ''"));
    let over = serde_json::to_value(&block.tasks[0].fan_out).unwrap();
    assert_eq!(over["over"]["for_each"], json!("${{ inputs.l }}"));
}

#[test]
fn spans_sizes_and_numbers_are_read_in_all_their_forms() {
    for (written, ms) in
        [("250ms", 250), ("1h30m", 5_400_000), ("7d", 604_800_000), ("PT1M", 60_000), ("1_000s", 1_000_000)]
    {
        assert_eq!(task(&format!("run: x, timeout: {written}")).timeout_ms, Some(ms), "{written}");
    }
    let limits = task("run: x, limits: { memory: 1_024, output: 1.5KiB, cpu: .5, processes: 1_0, files: 0x10 }").limits;
    assert_eq!((limits.memory_bytes, limits.output_bytes, limits.cpu), (Some(1024), Some(1536), Some(0.5)));
    assert_eq!((limits.processes, limits.files), (Some(10), Some(16)));
}

#[test]
fn texts_that_look_like_something_else_stay_as_they_were_written() {
    let plan = plan(
        "name: 007\nversion: 1.10\ninputs: { zip: { type: string, default: 01234 }, yes: { type: string, default: NO } }\n\
         env: { A: yes, B: 1.50, C: 0x1F, D: null, E: 01, F: 2024-01-01, G: true }\ntasks: [{ id: on, run: x }]\n",
    );
    assert_eq!((plan.name.as_str(), plan.version.as_deref()), ("007", Some("1.10")));
    assert_eq!(plan.inputs["zip"].default, Some(json!("01234")));
    assert_eq!(plan.inputs["yes"].default, Some(json!("NO")));
    let env: Vec<&str> = plan.env.values().map(String::as_str).collect();
    assert_eq!(env, ["yes", "1.50", "0x1F", "", "01", "2024-01-01", "true"]);
}

#[test]
fn fan_out_retry_checks_and_confidence_have_their_forms() {
    let fail = |fail: &str| task(&format!("run: x, for_each: [1], fail: {fail}")).fan_out.unwrap().fail;
    assert_eq!(fail("one"), FailPolicy::One);
    assert_eq!(fail("all"), FailPolicy::All);
    assert_eq!(fail("{ tolerate: 3 }"), FailPolicy::Tolerate(3));
    assert_eq!(fail("{ tolerate: 12.5% }"), FailPolicy::ToleratePercent(12.5));
    let retry = task("run: x, retry: { max_attempts: 3, on: timeout }").retry;
    assert_eq!((retry.max_attempts, retry.backoff, retry.on), (3, Backoff::Exponential, vec!["timeout".to_owned()]));
    let retry =
        task("run: x, retry: { max_attempts: 2, backoff: constant, delay: 2m, on: [execution, http_5xx] }").retry;
    assert_eq!((retry.backoff, retry.delay_ms, retry.max_delay_ms), (Backoff::Constant, 120_000, 120_000));
    assert_eq!(task("run: x, retry: {}").retry.max_attempts, 1);
    let checked = task("run: x, checks: [{ assert: 'outputs.exit_code == 0', on_fail: warn }]").checks.remove(0);
    assert_eq!(serde_json::to_value(&checked).unwrap(), json!({"assert": "outputs.exit_code == 0", "on_fail": "warn"}));
    let rule = task("run: x, confidence: 0.85").confidence.unwrap();
    assert_eq!((rule.min.get(), rule.on_low), (0.85, OnFail::Fail));
    let rule = task("run: x, confidence: { min: .5, on_low: warn }").confidence.unwrap();
    assert_eq!((rule.min.get(), rule.on_low), (0.5, OnFail::Warn));
}

#[test]
fn defaults_apply_to_every_task_until_it_says_something_of_its_own() {
    let plan = plan(
        "name: x\ndefaults:\n  timeout: 10s\n  retry: { max_attempts: 4 }\n  confidence: 0.9\n  limits: { memory: 1GiB, files: 9 }\n  \
         pool: slow\ntasks:\n- { id: a, run: x }\n- id: b\n  run: x\n  timeout: 20s\n  retry: { max_attempts: 1 }\n  confidence: 0.1\n  \
         limits: { memory: 2GiB }\n  pool: quick\n",
    );
    let said = |index: usize| {
        let task = &plan.tasks[index];
        let limits = (task.limits.memory_bytes, task.limits.files);
        (task.timeout_ms, task.retry.max_attempts, task.confidence.unwrap().min.get(), limits, task.pool())
    };
    assert_eq!(said(0), (Some(10_000), 4, 0.9, (Some(1 << 30), Some(9)), "slow"));
    assert_eq!(said(1), (Some(20_000), 1, 0.1, (Some(2 << 30), Some(9)), "quick"));
}

#[test]
fn secrets_may_stand_in_with_env_run_and_notify() {
    let text = "name: x\nenv: { A: \"${{ secrets.A }}\" }\nnotify: [{ on: failed, webhook: { url: \"${{ secrets.B }}\" } }]\n\
                tasks:\n- { id: a, run: \"echo ${{ secrets.C }}\", env: { D: \"x ${{ secrets.D }}\" } }\n\
                - { id: b, uses: noop, with: { deep: [{ e: \"Bearer ${{ secrets.E }}\" }] } }\n";
    let compiled = compiled(text, &Files::default(), Mode::Validate);
    assert_eq!(errors(&compiled), Vec::<String>::new());
    assert_eq!(compiled.facts.secrets, ["A", "B", "C", "D", "E"]);
    let written = serde_json::to_string(&compiled.plan.unwrap()).unwrap();
    assert!(written.contains("${{ secrets.E }}"), "{written}");
}

/// A part that cannot be executed: lines of the workflow or the task, the part's name and its line and column.
const LATER: &[(&str, &str, u32, u32)] = &[
    ("concurrency: { group: g }", "concurrency", 4, 1),
    ("risk: { max_wrong: 0.1 }", "risk", 4, 1),
    ("notify: [{ on: failed, webhook: { url: x } }]", "notify", 4, 1),
    ("memory: { reuse_plan: always }", "memory", 4, 1),
    ("budget: { usd: 1 }", "budget.usd", 4, 11),
    ("budget: { tokens: 1 }", "budget.tokens", 4, 11),
    ("budget: { escalations: 1 }", "budget.escalations", 4, 11),
    ("defaults: { limits: { network: none } }", "limits.network", 4, 23),
    ("defaults: { confidence: { min: 0.5, on_low: ask } }", "on_low: ask", 4, 45),
    ("  escalate: deep", "escalate", 4, 3),
    ("  sources: [{ ref: x }]", "sources", 4, 3),
    ("  approval: true", "approval", 4, 3),
    ("  approval: { when: true }", "approval", 4, 3),
    ("  effects: [db.write]", "effects", 4, 3),
    ("  idempotent: true", "idempotent", 4, 3),
    ("  idempotency_key: k", "idempotency_key", 4, 3),
    ("  cache: true", "cache", 4, 3),
    ("  model: fast", "model", 4, 3),
    ("  isolate: strict", "isolate", 4, 3),
    ("  limits: { network: [x] }", "limits.network", 4, 13),
    ("  confidence: { min: 0.5, signals: [evidence] }", "confidence.signals", 4, 27),
    ("  confidence: { min: 0.5, on_low: escalate }", "on_low: escalate", 4, 35),
    ("  checks: [{ assert: 'true', on_fail: ask }]", "on_fail: ask", 4, 39),
];

#[test]
fn each_part_that_cannot_be_executed_is_said_once_at_its_key() {
    for (lines, part, line, column) in LATER {
        let text = format!("name: x\ntasks:\n- run: x\n{lines}\n{}", "  id: a\n");
        let text =
            if lines.starts_with(' ') { text } else { format!("name: x\n\n\n{lines}\ntasks: [{{ id: a, run: x }}]\n") };
        for (mode, severity) in [(Mode::Validate, Severity::Warning), (Mode::Execute, Severity::Error)] {
            let compiled = compiled(&text, &Files::default(), mode);
            let [found] = compiled.diagnostics.as_slice() else { panic!("{part}: {:#?}", compiled.diagnostics) };
            assert_eq!((found.code.as_str(), found.severity), ("unsupported", severity), "{part}");
            assert_eq!((found.line, found.column), (*line, *column), "{part}");
            assert!(found.message.starts_with(&format!("`{part}` ")), "{}", found.message);
            assert_eq!(compiled.facts.unsupported, [*part]);
            assert_eq!(compiled.plan.is_some(), mode == Mode::Validate, "{part}");
        }
    }
}

#[test]
fn a_trigger_is_no_part_that_is_missing_and_other_tasks_are() {
    let triggered =
        "name: x\non: { schedule: { cron: '1 2 * * *' }, event: { name: e } }\ntasks: [{ id: a, run: x }]\n";
    assert!(run(triggered).plan.is_some());
    for (task, part) in [("workflow: other.yaml", "workflow"), ("uses: llm, with: { instruction: x }", "uses: llm")] {
        let compiled = run(&format!("name: x\ntasks: [{{ id: a, {task} }}]\n"));
        assert_eq!(compiled.facts.unsupported, [part]);
        assert_eq!(compiled.diagnostics.len(), 1, "{:#?}", compiled.diagnostics);
    }
}

#[test]
fn a_very_long_line_is_shown_around_its_place() {
    let text =
        format!("name: x\ntasks: [{{ id: a, run: x, env: {{ A: \"{}\" }}, timeot: 3s }}]\n", "é".repeat(100_000));
    let compiled = run(&text);
    let shown = candor_workflow::render("f.yaml", &text, &compiled.diagnostics, candor_workflow::Paint::Plain);
    assert!(shown.len() < 1_000, "{} bytes", shown.len());
    assert!(shown.contains("timeot: 3s"), "{shown}");
}
