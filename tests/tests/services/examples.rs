//! Every example has the same digest over the services as on one machine.

use candor_tests::{ended, home, printed, project, run, shown, tree};

use crate::running;

#[test]
fn every_example_gives_the_digest_that_it_has_on_one_machine() {
    let Some(deployment) = running(1, 2, 2) else { return };
    let expected: serde_json::Value = serde_json::from_str(&tree::text("examples/expected.json")).expect("it is JSON");
    let (mut compared, place, folder) = (0, home(), project().join("examples"));
    for example in expected["examples"].as_array().expect("a list").iter().filter(|one| one["command"] == "run") {
        let actions = example["args"].to_string().contains("--actions-dir");
        // A service has its actions from its own start; those that cannot run here, run nowhere.
        if actions || example["exit"] == 2 {
            continue;
        }
        let workflow = folder.join(example["workflow"].as_str().expect("a path"));
        let words = example["args"].as_array().expect("a list").iter().map(|word| word.as_str().expect("a text"));
        let words: Vec<String> = words
            .map(
                |word| if folder.join(word).is_file() { shown(&folder.join(word)).to_owned() } else { word.to_owned() },
            )
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let here = run(place.path(), &[&["run", shown(&workflow), "--json"], words.as_slice()].concat());
        let there = deployment.run(&[&["submit", shown(&workflow), "--wait", "--json"], words.as_slice()].concat());
        let code = i32::try_from(example["exit"].as_i64().expect("a number")).expect("a small one");
        ended(&here, code);
        ended(&there, code);
        assert_eq!(printed(&here)["digest"], printed(&there)["digest"], "{}", example["workflow"]);
        compared += 1;
    }
    assert!(compared >= 5, "{compared} examples");
}
