//! Commands over the services.

use candor_tests::{ended, printed, shown, text, write};
use serde_json::Value;

use crate::{end, running, submit};

const WORK: &str = "name: work\ntasks:\n  - { id: a, run: echo hello }\n  - { id: b, needs: a, run: \"wc -c\", with: { stdin: \"${{ tasks.a.outputs.stdout }}\" } }\n";

#[test]
fn a_job_can_be_submitted_watched_listed_told_explained_and_exported() {
    let Some(deployment) = running(1, 1, 1) else { return };
    let job = submit(&deployment, WORK);
    let watched = deployment.run(&["watch", &job]);
    ended(&watched, 0);
    assert_eq!(end(&deployment, &job)["tasks"]["b"]["outputs"]["stdout"], "6\n");
    let listed = deployment.json(&["list", "--state", "completed", "--workflow", "work"]);
    assert_eq!(listed[0]["job"], job.as_str());
    assert!(text(&deployment.run(&["logs", &job, "--follow"]).stdout).contains("job ended: complete"));
    assert_eq!(deployment.json(&["explain", &job, "S1"])[0]["spans"][0]["task"], "b");
    let exported = deployment.json(&["export", &job]);
    ended(&deployment.run(&["verify", exported["run_dir"].as_str().expect("a path")]), 0);
    let well = deployment.json(&["doctor"]);
    assert_eq!(well["findings"], Value::Array(Vec::new()), "{well}");
}

#[test]
fn files_and_large_outputs_travel_by_reference() {
    let Some(deployment) = running(1, 1, 2) else { return };
    let rows = "x".repeat(3_000_000);
    write(deployment.home(), "rows.txt", &rows);
    write(deployment.home(), "lib/tool.sh", "cat \"$1\"\n");
    let workflow = "name: large\ninputs: { source: file }\nfiles: [lib/tool.sh]\ntasks:\n  - { id: copy, run: \"sh lib/tool.sh /dev/stdin\", with: { stdin: \"${{ inputs.source }}\" } }\n  - { id: count, needs: copy, run: \"wc -c\", with: { stdin: \"${{ tasks.copy.outputs.stdout }}\" } }\n  - { id: list, needs: copy, run: \"python3 -c 'import json; print(json.dumps(dict(all=list(range(300000)))))' > $CANDOR_OUTPUT\", outputs: { all: list } }\n  - { id: last, needs: list, run: echo, with: { args: [] }, when: \"${{ tasks.list.outputs.all[299999] == 299999 }}\" }\n";
    write(deployment.home(), "w.yaml", workflow);
    let output = deployment.run(&["submit", "w.yaml", "-i", "source=rows.txt", "--wait", "--json"]);
    ended(&output, 0);
    let job = printed(&output)["job"].as_str().expect("an id").to_owned();
    let summary = end(&deployment, &job);
    assert_eq!(summary["tasks"]["count"]["outputs"]["stdout"], "3000000\n", "{summary}");
    assert_eq!(summary["tasks"]["last"]["state"], "succeeded");
    let directory = candor_tests::run_directory(&deployment.home().join("runs"));
    ended(&deployment.run(&["verify", shown(&directory)]), 0);
}

#[test]
fn a_cancelled_job_starts_nothing_more() {
    let Some(deployment) = running(1, 1, 1) else { return };
    let job = submit(
        &deployment,
        "name: long\ntasks:\n  - { id: a, run: sleep 600 }\n  - { id: b, needs: a, run: echo never }\n",
    );
    candor_tests::server::until("the task to run", || {
        deployment.json(&["status", &job])["tasks"]["a"]["state"] == "running"
    });
    assert_eq!(deployment.json(&["cancel", &job])["cancelled"], true);
    let summary = end(&deployment, &job);
    assert_eq!((&summary["state"], &summary["result"]), (&"cancelled".into(), &"cancelled".into()));
    let again = deployment.run(&["cancel", &job, "--json"]);
    ended(&again, 1);
    assert_eq!(printed(&again)["error"]["code"], "directive_refused");
}

#[test]
fn a_rerun_keeps_what_need_not_be_done_again() {
    let Some(deployment) = running(1, 2, 1) else { return };
    let free = deployment.home().join("free");
    let workflow = format!(
        "name: again\ntasks:\n  - {{ id: a, run: echo one }}\n  - {{ id: b, needs: a, run: \"test -e {} && echo two\" }}\n  - {{ id: c, needs: b, run: echo three }}\n",
        shown(&free)
    );
    let job = submit(&deployment, &workflow);
    assert_eq!(end(&deployment, &job)["result"], "failed");
    write(deployment.home(), "free", "");
    let output = deployment.run(&["rerun", &job, "--failed", "--wait", "--json"]);
    ended(&output, 0);
    let rerun = printed(&output);
    let told = text(&deployment.run(&["logs", rerun["job"].as_str().expect("an id")]).stdout);
    assert!(told.contains("job ended: complete"), "{told}");
    let summary = deployment.json(&["status", rerun["job"].as_str().expect("an id")]);
    assert_eq!(summary["parent"]["job"], job.as_str(), "{summary}");
    assert_eq!(summary["parent"]["reused"], serde_json::json!(["a"]), "{summary}");
    let unknown = deployment.run(&["rerun", &job, "--from", "nobody", "--json"]);
    ended(&unknown, 1);
}
