//! An unload that cannot be carried through, or whose tool is killed in the middle, leaves everything as it
//! was: shown by the identity and order of whatever it may touch.

use crate::common::{Target, interpreter, program};
use crate::unloaded::{answer, pyunload};
use pyunload::change::look::with_picture;
use pyunload::change::plan::plan_seen;
use pyunload::change::target::Target as Changed;
use pyunload::change::unload::{Agreement, Hands, Limits, Unloaded, Wishes, unload};
use pyunload::control::consent::Consent;
use pyunload::inject::{Ran, Request, run_main};
use pyunload::plan::key::Key;
use pyunload::plan::steps::Allowed;
use pyunload::pyobject::identify;
use pyunload::target::pause::StopLimits;
use pyunload::target::process::Process;
use std::process::Command;
use std::time::Duration;

const PATIENT: Duration = Duration::from_secs(20);

/// The cases of which something is taken away in each way: rows of dicts and lists, replaced names, calls.
const CASES: &[&str] = &[
    "a collector callback",
    "a finder in meta path",
    "a logging handler",
    "a signal handler",
    "a singledispatch elsewhere",
    "a sqlite3 adapter",
    "a tracing function of threading",
    "a warnings filter",
    "an error handler of codecs",
    "copyreg",
    "overloads",
    "the exception hook",
];

fn start(version: &str) -> Option<Target> {
    let interpreter = interpreter(version)?;
    Some(Target::start(&interpreter, &program("holders.py"), &[]))
}

/// Unloads with the library; `after` is called after each program that has run, with its number.
fn unload_by_hand(
    pid: i32,
    name: &str,
    mut after: impl FnMut(usize, &mut dyn FnMut(&str)),
) -> Unloaded {
    let process = Process::open(pid).expect("it runs");
    let located = identify::find(&process).expect("a CPython");
    let target = Changed {
        process: &process,
        python: &located.python,
        interpreter: located.python.main(),
    };
    let stop = StopLimits {
        max_stop: Duration::from_secs(5),
        ..StopLimits::default()
    };
    let names = [Key::new(name)];
    let plan = with_picture(target, stop, &mut Duration::default(), |picture| {
        plan_seen(picture, target.interpreter, &names, Allowed::default()).map(|(plan, _)| plan)
    });
    let plan = plan.expect("a picture").expect("a plan");
    let symbols = |name: &str| Some(located.image.find_symbol(&process, name)?.address);
    let run_one = |source: &str, limit: Duration| {
        let request = Request {
            source,
            limit,
            max_stop: stop.max_stop,
            parked: true,
            max_result: Request::MAX_SIZE,
        };
        run_main(
            &process,
            &located.python,
            &symbols,
            request,
            Consent::given_by_user(),
        )
    };
    let mut count = 0;
    let mut run = |source: &str, limit: Duration| {
        let ran: Ran = run_one(source, limit)?;
        count += 1;
        after(count, &mut |source| {
            run_one(source, limit).expect("it runs");
        });
        Ok(ran)
    };
    let wishes = Wishes {
        agreement: Agreement::Names,
        force: false,
        limits: Limits {
            total: PATIENT,
            stop,
        },
    };
    let hands = Hands {
        run: &mut run,
        replan: &mut || unreachable!("nothing changes"),
        tell: &|_, border| vec![Vec::new(); border.roots.len()],
    };
    unload(target, plan, 77, wishes, hands).expect("it ends")
}

/// Takes a reference to what has just been detached, as a thread of the program could have.
const TAKE: &str = "
home = __builtins__.__loader__.find_spec.__func__.__globals__ if hasattr(__builtins__, '__loader__') \\
    else __builtins__['__loader__'].find_spec.__func__.__globals__
kept = home['_pyunload_record'][4]
sys = home['sys']
sys.modules['sqlite3' if False else '__main__'].late = [module.f for module in kept.values()]
result = b'taken'
";

#[test]
fn a_holder_that_appears_after_the_plan_has_everything_put_back() {
    for version in ["3.8", "3.11", "3.13"] {
        let Some(mut target) = start(version) else {
            continue;
        };
        for case in CASES
            .iter()
            .filter(|case| **case != "overloads" || version != "3.8")
        {
            let name = answer(&mut target, &format!("case {case}"));
            let before = answer(&mut target, "state");
            answer(&mut target, "spin");
            let unloaded = unload_by_hand(target.pid(), &name, |count, run| {
                if count == 1 {
                    run(TAKE);
                }
            });
            let after = answer(&mut target, "state");
            assert!(unloaded.held.is_some(), "{version} {case}: {unloaded:?}");
            assert_eq!(before, after, "{version} {case}");
            let outcome = format!("{:?}", unloaded.outcomes[0].outcome);
            assert_eq!(outcome, "RolledBack", "{version} {case}");
            answer(&mut target, "drop");
        }
    }
}

#[test]
fn a_remedy_that_raises_has_everything_put_back() {
    for version in ["3.8", "3.11", "3.13"] {
        let Some(mut target) = start(version) else {
            continue;
        };
        answer(&mut target, "case nothing");
        answer(&mut target, "drop");
        answer(&mut target, "spoil");
        for case in ["typing caches", "a warnings filter"] {
            let name = answer(&mut target, &format!("case {case}"));
            let before = answer(&mut target, "state");
            answer(&mut target, "spin");
            let pid = target.pid().to_string();
            let (document, code) = pyunload(&["unload", &pid, &name, "--yes"]).expect("a document");
            let after = answer(&mut target, "state");
            let cause = &document["error"]["cause"];
            assert!(
                code == 1 && cause == "remedy_raised",
                "{version} {case}: {document}"
            );
            assert_eq!(before, after, "{version} {case}");
            answer(&mut target, "drop");
        }
    }
}

/// Is killed with what its test has told it, between the phases; does nothing when nobody has.
#[test]
fn helper_that_is_killed_between_the_phases() {
    let Ok(told) = std::env::var("PYUNLOAD_KILLED_HELPER") else {
        return;
    };
    let (pid, name) = told.split_once(' ').expect("a pid and a name");
    unload_by_hand(pid.parse().expect("a pid"), name, |_, _| {
        let own = nix::unistd::Pid::this();
        nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGKILL).expect("it dies");
    });
}

#[test]
fn what_a_killed_unload_took_away_is_put_back_by_the_next() {
    for version in ["3.8", "3.11", "3.13"] {
        let Some(mut target) = start(version) else {
            continue;
        };
        for case in ["a finder in meta path", "a logging handler"] {
            let name = answer(&mut target, &format!("case {case}"));
            let before = answer(&mut target, "state");
            answer(&mut target, "spin");
            let pid = target.pid().to_string();
            let helper = "undone::helper_that_is_killed_between_the_phases";
            let killed = Command::new(std::env::current_exe().expect("a path"))
                .args(["--exact", helper])
                .env("PYUNLOAD_KILLED_HELPER", format!("{pid} {name}"))
                .output()
                .expect("it starts");
            assert_eq!(killed.status.code(), None, "it was killed");
            let between = answer(&mut target, "state");
            assert_ne!(
                before, between,
                "{version} {case}: it had taken something away"
            );
            // An unload of something else finds the record first; twice does no more.
            for _ in 0..2 {
                answer(&mut target, "spin");
                let other = ["unload", &pid, "other.that.is.not.there", "--yes"];
                pyunload(&other).expect("a document");
                let after = answer(&mut target, "state");
                assert_eq!(before, after, "{version} {case}");
            }
            answer(&mut target, "spin");
            let (document, code) = pyunload(&["unload", &pid, &name, "--yes"]).expect("a document");
            assert_eq!(code, 0, "{version} {case}: {document}");
            assert_eq!(answer(&mut target, "left"), "-", "{version} {case}");
        }
    }
}
