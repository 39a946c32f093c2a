//! Random plans: a sketch that shrinks well, and the plan that it means.

use candor_proto::plan::{
    Assemble, Backoff, Check, CheckRule, ConfidenceRule, FailPolicy, FanOut, Needs, OnFail, Over, Priority, Retry,
};
use candor_proto::{Plan, Score, Task};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What an attempt comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    /// Done, but nothing speaks for it.
    Doubtful,
    Exit,
    Timeout,
    Invalid,
    /// Went wrong in a way that may go right next time.
    Again,
}

/// How a task reads another one's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    InText,
    IfSucceeded,
    IfHas,
    State,
    /// Only the item 1 of a fan-out over numbers reads it.
    ForItem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Input(bool),
    Always,
    AlwaysIf(bool),
    Failed(usize),
    Succeeded(usize),
    Skipped(usize),
    AnyFailed,
    AllSucceeded,
    Above(usize, i64),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Items {
    Numbers(Vec<i64>),
    Names(Vec<String>),
    /// `outputs.list` of a single task, `outputs` of a fan-out.
    Of(usize),
    Matrix(Vec<i64>, Vec<i64>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fan {
    pub(crate) items: Items,
    pub(crate) fail: FailPolicy,
    pub(crate) max_parallel: Option<u32>,
}

/// A task whose every reference is the place of an earlier task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sketch {
    pub(crate) all: Vec<usize>,
    pub(crate) any: Vec<usize>,
    pub(crate) when: Option<When>,
    pub(crate) reads: Vec<(usize, Form)>,
    pub(crate) fan: Option<Fan>,
    pub(crate) max_attempts: u32,
    pub(crate) retry_on: Vec<String>,
    pub(crate) check: Option<(i64, OnFail)>,
    pub(crate) sure: Option<OnFail>,
    /// By item and attempt, round and round.
    pub(crate) fates: Vec<Fate>,
    pub(crate) other_pool: bool,
    pub(crate) priority: Option<Priority>,
}

/// A job to be done: what the plan and the work are made from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Story {
    pub(crate) tasks: Vec<Sketch>,
    pub(crate) summary: Option<Vec<usize>>,
    pub(crate) says: Option<usize>,
    pub(crate) output: Option<usize>,
}

pub(crate) fn id(task: usize) -> String {
    format!("t{task}")
}

impl Story {
    /// The inputs that `when` reads.
    pub(crate) fn inputs() -> serde_json::Map<String, Value> {
        let Value::Object(inputs) = json!({"yes": true, "no": false}) else { unreachable!() };
        inputs
    }

    pub(crate) fn is_fan(&self, task: usize) -> bool {
        self.tasks[task].fan.is_some()
    }

    pub(crate) fn plan(&self) -> Plan {
        Plan {
            name: "story".into(),
            tasks: (0..self.tasks.len()).map(|task| self.task(task)).collect(),
            assemble: Assemble {
                summary: self.summary.as_ref().map(|tasks| tasks.iter().map(|task| id(*task)).collect()),
                statements: self.says.iter().map(|task| self.sentence(*task)).collect(),
            },
            outputs: self
                .output
                .iter()
                .map(|task| ("result".to_owned(), Value::String(format!("${{{{ {} }}}}", self.value_of(*task)))))
                .collect(),
            ..Plan::default()
        }
    }

    fn sentence(&self, task: usize) -> String {
        let first = if self.is_fan(task) { "[0].n" } else { ".n" };
        format!("The first is ${{{{ tasks.{}.outputs{first} }}}}.", id(task))
    }

    /// The expression for what others read of a task.
    fn value_of(&self, task: usize) -> String {
        let field = if self.is_fan(task) { "" } else { ".n" };
        format!("tasks.{}.outputs{field}", id(task))
    }

    fn read(&self, task: usize, form: Form) -> String {
        let (name, value) = (id(task), self.value_of(task));
        match form {
            Form::Plain => format!("${{{{ {value} }}}}"),
            Form::InText if self.is_fan(task) => format!("it is ${{{{ tasks.{name}.state }}}}."),
            Form::InText => format!("it is ${{{{ {value} }}}}."),
            Form::IfSucceeded => format!("${{{{ succeeded('{name}') ? {value} : 'none' }}}}"),
            Form::IfHas => format!("${{{{ has({value}) ? {value} : 'none' }}}}"),
            Form::State => format!("${{{{ tasks.{name}.state }}}}"),
            Form::ForItem => format!("${{{{ item == 1 ? {value} : 0 }}}}"),
        }
    }

    fn when(&self, when: &When) -> String {
        match when {
            When::Input(true) => "inputs.yes".into(),
            When::Input(false) => "inputs.no".into(),
            When::Always => "always()".into(),
            When::AlwaysIf(true) => "always() && inputs.yes".into(),
            When::AlwaysIf(false) => "always() && inputs.no".into(),
            When::Failed(task) => format!("failed('{}')", id(*task)),
            When::Succeeded(task) => format!("succeeded('{}')", id(*task)),
            When::Skipped(task) => format!("skipped('{}')", id(*task)),
            When::AnyFailed => "failed()".into(),
            When::AllSucceeded => "succeeded()".into(),
            When::Above(task, least) if self.is_fan(*task) => format!("size({}) > {least}", self.value_of(*task)),
            When::Above(task, least) => format!("{} > {least}", self.value_of(*task)),
        }
    }

    fn over(&self, items: &Items) -> Over {
        match items {
            Items::Numbers(numbers) => Over::ForEach(json!(numbers)),
            Items::Names(names) => Over::ForEach(json!(names)),
            Items::Of(task) => {
                let field = if self.is_fan(*task) { "" } else { ".list" };
                Over::ForEach(json!(format!("${{{{ tasks.{}.outputs{field} }}}}", id(*task))))
            }
            Items::Matrix(left, right) => {
                Over::Matrix(vec![("left".into(), json!(left)), ("right".into(), json!(right))])
            }
        }
    }

    fn task(&self, place: usize) -> Task {
        let sketch = &self.tasks[place];
        let mut with = json!({"own": place});
        for (number, (task, form)) in sketch.reads.iter().enumerate() {
            with[format!("r{number}")] = Value::String(self.read(*task, *form));
        }
        match sketch.fan.as_ref().map(|fan| &fan.items) {
            Some(Items::Matrix(..)) => with["left"] = json!("${{ matrix.left }}"),
            Some(_) => with["item"] = json!("${{ item }}"),
            None => {}
        }
        Task {
            id: id(place),
            uses: "work".into(),
            with,
            needs: Needs {
                all: sketch.all.iter().map(|task| id(*task)).collect(),
                any: sketch.any.iter().map(|task| id(*task)).collect(),
            },
            when: sketch.when.as_ref().map(|when| self.when(when)),
            fan_out: sketch.fan.as_ref().map(|fan| FanOut {
                over: self.over(&fan.items),
                max_parallel: fan.max_parallel,
                fail: fan.fail,
            }),
            retry: Retry {
                max_attempts: sketch.max_attempts,
                backoff: if place.is_multiple_of(2) { Backoff::Exponential } else { Backoff::Constant },
                delay_ms: 100,
                max_delay_ms: 400,
                on: sketch.retry_on.clone(),
            },
            checks: sketch
                .check
                .iter()
                .map(|(least, on_fail)| Check {
                    rule: CheckRule::Assert(format!("outputs.n >= {least}")),
                    on_fail: *on_fail,
                })
                .collect(),
            confidence: sketch.sure.map(|on_low| ConfidenceRule { min: Score::new(0.9).unwrap(), on_low }),
            pool: sketch.other_pool.then(|| "other".to_owned()),
            priority: sketch.priority,
            ..Task::default()
        }
    }
}

type RawFan = (u8, Vec<i64>, u16, FailPolicy, Option<u32>);

/// Numbers that are made into a task once it is known which tasks come before it.
#[derive(Clone, Debug)]
struct Raw {
    needs: Vec<(u16, bool)>,
    when: Option<(u8, u16, i64)>,
    reads: Vec<(u16, Form)>,
    fan: Option<RawFan>,
    max_attempts: u32,
    retry_on: Vec<String>,
    check: Option<(i64, OnFail)>,
    sure: Option<OnFail>,
    fates: Vec<Fate>,
    other_pool: bool,
    priority: Option<Priority>,
}

fn on_fail() -> impl Strategy<Value = OnFail> {
    prop_oneof![Just(OnFail::Fail), Just(OnFail::Warn)]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Done),
        1 => Just(Fate::Doubtful),
        1 => Just(Fate::Exit),
        1 => Just(Fate::Timeout),
        1 => Just(Fate::Invalid),
        1 => Just(Fate::Again),
    ]
}

fn fail_policy() -> impl Strategy<Value = FailPolicy> {
    prop_oneof![
        Just(FailPolicy::One),
        Just(FailPolicy::All),
        (0..3_u32).prop_map(FailPolicy::Tolerate),
        (0..=100_u32).prop_map(|percent| FailPolicy::ToleratePercent(f64::from(percent))),
    ]
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        3 => Just(Form::Plain),
        1 => Just(Form::InText),
        1 => Just(Form::IfSucceeded),
        1 => Just(Form::IfHas),
        1 => Just(Form::State),
        1 => Just(Form::ForItem),
    ]
}

fn raw() -> impl Strategy<Value = Raw> {
    let needs = prop::collection::vec((any::<u16>(), prop::bool::weighted(0.3)), 0..4);
    let when = prop::option::weighted(0.4, (0..9_u8, any::<u16>(), 0..10_i64));
    let reads = prop::collection::vec((any::<u16>(), form()), 0..3);
    let items = prop::collection::vec(0..4_i64, 0..5);
    let max_parallel = prop::option::weighted(0.3, 1..3_u32);
    let fan = prop::option::weighted(0.4, (0..4_u8, items, any::<u16>(), fail_policy(), max_parallel));
    let retry_on = prop_oneof![
        3 => Just(Vec::new()),
        1 => Just(vec!["validation".to_owned()]),
        1 => Just(vec!["timeout".to_owned(), "system".to_owned()]),
    ];
    let check = prop::option::weighted(0.2, (0..5_i64, on_fail()));
    let sure = prop::option::weighted(0.2, on_fail());
    let priority = prop_oneof![3 => Just(None), 1 => Just(Some(Priority::Low)), 1 => Just(Some(Priority::High))];
    let run = (1..4_u32, retry_on, check, sure, prop::collection::vec(fate(), 1..5));
    (needs, when, reads, fan, run, prop::bool::weighted(0.3), priority).prop_map(
        |(needs, when, reads, fan, (max_attempts, retry_on, check, sure, fates), other_pool, priority)| Raw {
            needs,
            when,
            reads,
            fan,
            max_attempts,
            retry_on,
            check,
            sure,
            fates,
            other_pool,
            priority,
        },
    )
}

fn ancestors(tasks: &[Sketch], direct: &[usize]) -> Vec<usize> {
    let (mut found, mut waiting) = (Vec::new(), direct.to_vec());
    while let Some(task) = waiting.pop() {
        if !found.contains(&task) {
            found.push(task);
            waiting.extend(tasks[task].all.iter().chain(&tasks[task].any));
        }
    }
    found.sort_unstable();
    found
}

fn settle(raw: Raw, before: &[Sketch]) -> Sketch {
    let (mut all, mut any) = (Vec::new(), Vec::new());
    for (pick, is_any) in &raw.needs {
        if !before.is_empty() {
            let task = usize::from(*pick) % before.len();
            let list = if *is_any { &mut any } else { &mut all };
            if !list.contains(&task) {
                list.push(task);
            }
        }
    }
    let direct: Vec<usize> = all.iter().chain(&any).copied().collect();
    let above = ancestors(before, &direct);
    let pick = |pick: u16| (!above.is_empty()).then(|| above[usize::from(pick) % above.len()]);
    let when = raw.when.and_then(|(kind, task, number)| {
        let truth = number % 2 == 0;
        Some(match kind {
            0 => When::Input(truth),
            1 => When::Always,
            2 => When::AlwaysIf(truth),
            3 => When::Failed(pick(task)?),
            4 => When::Succeeded(pick(task)?),
            5 => When::Skipped(pick(task)?),
            6 => When::AnyFailed,
            7 => When::AllSucceeded,
            _ => When::Above(pick(task)?, number),
        })
    });
    let fan = raw.fan.map(|(kind, numbers, task, fail, max_parallel)| {
        let items = match (kind, pick(task)) {
            (0, _) => Items::Names(numbers.iter().map(|number| format!("k{number}")).collect()),
            (1, Some(task)) => Items::Of(task),
            (2, _) => Items::Matrix(numbers.iter().take(2).copied().collect(), vec![1, 2]),
            (_, _) => Items::Numbers(numbers),
        };
        Fan { items, fail, max_parallel }
    });
    let numbered = matches!(&fan, Some(Fan { items: Items::Numbers(_), .. }));
    let reads = raw.reads.into_iter().filter_map(|(task, form)| {
        let form = if form == Form::ForItem && !numbered { Form::Plain } else { form };
        Some((pick(task)?, form))
    });
    let reads = reads.collect();
    Sketch {
        all,
        any,
        when,
        reads,
        fan,
        max_attempts: raw.max_attempts,
        retry_on: raw.retry_on,
        check: raw.check,
        sure: raw.sure,
        fates: raw.fates,
        other_pool: raw.other_pool,
        priority: raw.priority,
    }
}

/// Stories of one to `most` tasks.
pub(crate) fn stories(most: usize) -> impl Strategy<Value = Story> {
    let summary = prop::option::weighted(0.3, prop::collection::vec(any::<u16>(), 0..4));
    let extras = (summary, prop::option::weighted(0.4, any::<u16>()), prop::option::weighted(0.4, any::<u16>()));
    (prop::collection::vec(raw(), 1..=most), extras).prop_map(|(raws, (summary, says, output))| {
        let mut tasks: Vec<Sketch> = Vec::new();
        for raw in raws {
            let sketch = settle(raw, &tasks);
            tasks.push(sketch);
        }
        let pick = |pick: u16| usize::from(pick) % tasks.len();
        let summary = summary.map(|picks| {
            let mut places: Vec<usize> = picks.into_iter().map(pick).collect();
            places.sort_unstable();
            places.dedup();
            places
        });
        let (says, output) = (says.map(pick), output.map(pick));
        Story { tasks, summary, says, output }
    })
}
