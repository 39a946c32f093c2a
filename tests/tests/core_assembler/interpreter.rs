//! What a story must come to, by the words of the language and nothing else: no events, no attempts in
//! flight, no order. Tasks refer to earlier ones only, so one pass over them is enough.

use candor_proto::event::StopReason;
use candor_proto::plan::{FailPolicy, OnFail};
use candor_proto::{ErrorClass, GapReason, JobResult, TaskState};
use serde_json::{Value, json};

use crate::sketch::{Fan, Form, Items, Story, When, id};
use crate::work;

/// What became of a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) state: TaskState,
    /// Why and because of whom it was stopped.
    pub(crate) stop: Option<(StopReason, usize)>,
    /// Of a single task that succeeded.
    pub(crate) run: Option<Run>,
    /// Of a fan-out that started.
    pub(crate) items: Option<Vec<Run>>,
}

/// One run of a single task or an item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) outputs: Option<Value>,
    pub(crate) warned: bool,
    pub(crate) doubtful: bool,
}

/// What the whole job came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ending {
    pub(crate) tasks: Vec<Told>,
    pub(crate) result: JobResult,
    pub(crate) gaps: Vec<(String, GapReason)>,
}

/// Why an expression has no value.
enum Trouble {
    NoOutputs(usize),
    Error,
}

enum Read {
    Value(Value),
    /// In an `any`: null, and so is everything in it.
    Absent,
    Missing,
}

/// What a story must come to.
pub(crate) fn ending(story: &Story) -> Ending {
    let mut tasks: Vec<Told> = Vec::new();
    for task in 0..story.tasks.len() {
        let told = Told::of(story, task, &tasks);
        tasks.push(told);
    }
    let mut gaps = gaps(story, &tasks);
    if let Some(task) = story.output
        && tasks[task].state != TaskState::Succeeded
    {
        gaps.push(("outputs.result".into(), GapReason::OutputMissing));
    }
    if let Some(task) = story.says
        && !says(&tasks[task])
    {
        gaps.push(("statements[0]".into(), GapReason::OutputMissing));
    }
    gaps.sort();
    Ending { result: result(story, &tasks, !gaps.is_empty()), tasks, gaps }
}

/// Whether the sentence about a task can be said: about its first item, where it is a fan-out.
fn says(told: &Told) -> bool {
    match told.outputs() {
        Some(Value::Array(items)) => items.first().is_some_and(|first| !first.is_null()),
        Some(_) => true,
        None => false,
    }
}

impl Told {
    fn new(state: TaskState) -> Self {
        Self { state, stop: None, run: None, items: None }
    }

    fn stopped(reason: StopReason, cause: usize, before: &[Self]) -> Self {
        // The task where it began, not a stopped neighbour.
        let root = before[cause].stop.map_or(cause, |(_, root)| root);
        Self { stop: Some((reason, root)), ..Self::new(TaskState::Stopped) }
    }

    fn troubled(trouble: &Trouble, before: &[Self]) -> Self {
        match trouble {
            Trouble::NoOutputs(of) => Self::stopped(StopReason::NoOutputs, *of, before),
            Trouble::Error => Self::new(TaskState::Failed),
        }
    }

    fn of(story: &Story, task: usize, before: &[Self]) -> Self {
        let sketch = &story.tasks[task];
        let satisfied = |task: &&usize| matches!(before[**task].state, TaskState::Succeeded | TaskState::Skipped);
        let in_all = sketch.all.iter().find(|task| !satisfied(task)).copied();
        let in_any = if sketch.any.iter().any(|task| satisfied(&task)) { None } else { sketch.any.first().copied() };
        let missing = in_all.or(in_any);
        let in_any_case = matches!(
            sketch.when,
            Some(When::Always | When::AlwaysIf(_) | When::Failed(_) | When::Skipped(_) | When::AnyFailed)
        );
        if let Some(cause) = missing
            && !in_any_case
        {
            return Self::stopped(StopReason::Dependency, cause, before);
        }
        match sketch.when.as_ref().map(|when| holds(story, task, when, before)) {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => return Self::new(TaskState::Skipped),
            Some(Err(trouble)) => return Self::troubled(&trouble, before),
        }
        match &sketch.fan {
            None => Self::single(story, task, before),
            Some(fan) => Self::fanned(story, task, fan, before),
        }
    }

    fn single(story: &Story, task: usize, before: &[Self]) -> Self {
        match with(story, task, None, before) {
            Err(trouble) => Self::troubled(&trouble, before),
            Ok(with) => {
                let run = Run::of(story, task, None, &with);
                let state = if run.outputs.is_some() { TaskState::Succeeded } else { TaskState::Failed };
                Self { run: Some(run), ..Self::new(state) }
            }
        }
    }

    fn fanned(story: &Story, task: usize, fan: &Fan, before: &[Self]) -> Self {
        let items = match items(story, task, &fan.items, before) {
            Ok(items) => items,
            Err(trouble) => return Self::troubled(&trouble, before),
        };
        let mut runs = Vec::new();
        for (place, item) in items.iter().enumerate() {
            runs.push(match with(story, task, Some(item), before) {
                Err(trouble @ Trouble::NoOutputs(_)) if place == 0 => return Self::troubled(&trouble, before),
                Err(_) => Run { outputs: None, warned: false, doubtful: false },
                Ok(with) => Run::of(story, task, Some(place), &with),
            });
        }
        let failed = runs.iter().filter(|run| run.outputs.is_none()).count();
        let state = if failed <= tolerated(fan.fail, runs.len()) { TaskState::Succeeded } else { TaskState::Failed };
        Self { items: Some(runs), ..Self::new(state) }
    }

    /// What expressions read of a task.
    pub(crate) fn outputs(&self) -> Option<Value> {
        if self.state != TaskState::Succeeded {
            return None;
        }
        match (&self.run, &self.items) {
            (Some(run), _) => run.outputs.clone(),
            (None, Some(items)) => Some(items.iter().map(|run| run.outputs.clone().unwrap_or_default()).collect()),
            (None, None) => None,
        }
    }
}

fn tolerated(fail: FailPolicy, items: usize) -> usize {
    match fail {
        FailPolicy::One | FailPolicy::All => 0,
        FailPolicy::Tolerate(count) => count as usize,
        FailPolicy::ToleratePercent(percent) => {
            (0..=items).rev().find(|count| *count as f64 * 100.0 <= percent * items as f64).unwrap_or(0)
        }
    }
}

impl Run {
    fn of(story: &Story, task: usize, item: Option<usize>, with: &Value) -> Self {
        let sketch = &story.tasks[task];
        let covers = |class: ErrorClass, code: &str| {
            if sketch.retry_on.is_empty() {
                class != ErrorClass::Validation
            } else {
                sketch.retry_on.iter().any(|word| word == class.word() || word == code)
            }
        };
        for number in 1.. {
            let fate = work::fate(story, task, item, number);
            let (class, code) = match work::error(fate) {
                Some(error) => (error.class, error.code),
                None => {
                    let outputs = work::outputs(task, with);
                    let below = sketch.check.is_some_and(|(least, _)| outputs["n"].as_i64() < Some(least));
                    let doubtful = sketch.sure.is_some() && fate == crate::sketch::Fate::Doubtful;
                    if below && sketch.check.is_some_and(|(_, on_fail)| on_fail == OnFail::Fail) {
                        (ErrorClass::Validation, "check".to_owned())
                    } else if doubtful && sketch.sure == Some(OnFail::Fail) {
                        (ErrorClass::Validation, "low_confidence".to_owned())
                    } else {
                        return Self { outputs: Some(Value::Object(outputs)), warned: below, doubtful };
                    }
                }
            };
            if number >= sketch.max_attempts || !covers(class, &code) {
                break;
            }
        }
        Self { outputs: None, warned: false, doubtful: false }
    }

    fn gaps(&self, name: &str) -> Vec<(String, GapReason)> {
        let warned = self.warned.then(|| (name.to_owned(), GapReason::CheckWarned));
        let doubtful = self.doubtful.then(|| (name.to_owned(), GapReason::LowConfidence));
        warned.into_iter().chain(doubtful).collect()
    }
}

/// What a task reads of another one's outputs.
fn read(story: &Story, by: usize, of: usize, before: &[Told]) -> Read {
    let sketch = &story.tasks[by];
    match before[of].outputs() {
        Some(value) if story.is_fan(of) => Read::Value(value),
        Some(value) => Read::Value(value["n"].clone()),
        None if sketch.any.contains(&of) && !sketch.all.contains(&of) => Read::Absent,
        None => Read::Missing,
    }
}

fn holds(story: &Story, task: usize, when: &When, before: &[Told]) -> Result<bool, Trouble> {
    let sketch = &story.tasks[task];
    let mut direct = sketch.all.iter().chain(&sketch.any);
    Ok(match when {
        When::Input(truth) | When::AlwaysIf(truth) => *truth,
        When::Always => true,
        When::Failed(of) => before[*of].state == TaskState::Failed,
        When::Succeeded(of) => before[*of].state == TaskState::Succeeded,
        When::Skipped(of) => before[*of].state == TaskState::Skipped,
        When::AnyFailed => direct.any(|of| before[*of].state == TaskState::Failed),
        When::AllSucceeded => direct.all(|of| matches!(before[*of].state, TaskState::Succeeded | TaskState::Skipped)),
        When::Above(of, least) => match read(story, task, *of, before) {
            Read::Missing => return Err(Trouble::NoOutputs(*of)),
            Read::Absent => return Err(Trouble::Error),
            Read::Value(Value::Array(list)) => list.len() as i64 > *least,
            Read::Value(value) => value.as_i64().unwrap() > *least,
        },
    })
}

fn items(story: &Story, task: usize, items: &Items, before: &[Told]) -> Result<Vec<Value>, Trouble> {
    Ok(match items {
        Items::Numbers(numbers) => numbers.iter().map(|number| json!(number)).collect(),
        Items::Names(names) => names.iter().map(|name| json!(name)).collect(),
        Items::Matrix(left, right) => {
            left.iter().flat_map(|left| right.iter().map(move |right| json!({"left": left, "right": right}))).collect()
        }
        Items::Of(of) => match (read(story, task, *of, before), before[*of].outputs()) {
            (Read::Missing, _) => return Err(Trouble::NoOutputs(*of)),
            (Read::Absent, _) | (_, None) => return Err(Trouble::Error),
            (Read::Value(_), Some(Value::Array(list))) => list,
            (Read::Value(_), Some(outputs)) => outputs["list"].as_array().unwrap().clone(),
        },
    })
}

/// The input of a run.
fn with(story: &Story, task: usize, item: Option<&Value>, before: &[Told]) -> Result<Value, Trouble> {
    let mut with = json!({"own": task});
    match (item, story.tasks[task].fan.as_ref().map(|fan| &fan.items)) {
        (Some(item), Some(Items::Matrix(..))) => with["left"] = item["left"].clone(),
        (Some(item), Some(_)) => with["item"] = item.clone(),
        (_, _) => {}
    }
    for (number, (of, form)) in story.tasks[task].reads.iter().enumerate() {
        let value = match (form, read(story, task, *of, before)) {
            (Form::State, _) => json!(before[*of].state.word()),
            (Form::InText, _) if story.is_fan(*of) => json!(format!("it is {}.", before[*of].state.word())),
            (Form::ForItem, _) if item != Some(&json!(1)) => json!(0),
            (Form::IfSucceeded | Form::IfHas, Read::Missing | Read::Absent) => json!("none"),
            (Form::Plain | Form::InText | Form::ForItem, Read::Missing) => return Err(Trouble::NoOutputs(*of)),
            (Form::Plain | Form::ForItem, Read::Absent) => Value::Null,
            (Form::InText, Read::Absent) => json!("it is ."),
            (Form::InText, Read::Value(value)) => json!(format!("it is {value}.")),
            (_, Read::Value(value)) => value,
        };
        with[format!("r{number}")] = value;
    }
    Ok(with)
}

fn gaps(story: &Story, tasks: &[Told]) -> Vec<(String, GapReason)> {
    let mut gaps = Vec::new();
    for (task, told) in tasks.iter().enumerate() {
        match told.state {
            TaskState::Failed => gaps.push((id(task), GapReason::Failed)),
            TaskState::Stopped => gaps.push((id(task), GapReason::Stopped)),
            _ => {}
        }
        if let Some(run) = &told.run {
            gaps.extend(run.gaps(&id(task)));
        }
        // Which items of a fan-out came to an end before its first failure is a matter of chance.
        let by_chance = told.state == TaskState::Failed
            && story.tasks[task].fan.as_ref().is_some_and(|fan| fan.fail == FailPolicy::One);
        for (place, run) in told.items.iter().flatten().enumerate().filter(|_| !by_chance) {
            let name = item_name(story, task, place, tasks);
            gaps.extend(run.gaps(&name));
            if run.outputs.is_none() {
                let tolerated = told.state == TaskState::Succeeded;
                gaps.push((name, if tolerated { GapReason::ItemFailed } else { GapReason::Failed }));
            }
        }
    }
    gaps
}

/// `t3[k1]`: the item where all are distinct and plain, else the index.
fn item_name(story: &Story, task: usize, place: usize, before: &[Told]) -> String {
    let fan = story.tasks[task].fan.as_ref().unwrap();
    let Ok(items) = items(story, task, &fan.items, before) else { unreachable!("it has items") };
    let plain = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let keys: Option<Vec<String>> = items
        .iter()
        .map(|item| match &fan.items {
            Items::Matrix(..) => Some(format!("left={},right={}", plain(&item["left"])?, plain(&item["right"])?)),
            _ => plain(item),
        })
        .collect();
    let distinct = |keys: &Vec<String>| {
        let mut sorted = keys.clone();
        sorted.sort();
        sorted.dedup();
        sorted.len() == keys.len()
    };
    match keys.filter(distinct) {
        Some(keys) => format!("{}[{}]", id(task), keys[place]),
        None => format!("{}[{place}]", id(task)),
    }
}

fn result(story: &Story, tasks: &[Told], gaps: bool) -> JobResult {
    let mut roots: Vec<usize> = Vec::new();
    for (task, told) in tasks.iter().enumerate() {
        match told.state {
            TaskState::Failed => roots.push(task),
            TaskState::Stopped => roots.push(told.stop.unwrap().1),
            _ => {}
        }
    }
    let satisfied = |task: &usize| matches!(tasks[*task].state, TaskState::Succeeded | TaskState::Skipped);
    let tolerated = |root: usize| {
        story.tasks.iter().zip(tasks).any(|(sketch, told)| {
            let in_any = sketch.any.contains(&root)
                && !sketch.all.contains(&root)
                && sketch.any.iter().any(|other| *other != root && satisfied(other));
            let handled = sketch.when == Some(When::Failed(root)) && told.state == TaskState::Succeeded;
            in_any || handled
        })
    };
    if roots.is_empty() {
        if gaps { JobResult::CompleteWithGaps } else { JobResult::Complete }
    } else if roots.into_iter().all(tolerated) {
        JobResult::CompleteWithGaps
    } else {
        JobResult::Failed
    }
}
