//! Unloads through the library, as the command does, and does something between the phases. For the tests.
//!
//! `unload_driver PID NAME take` takes a reference to the modules when they have just been taken away, as a
//! thread of the program could, and prints what became of them; `unload_driver PID NAME kill` kills itself then.

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
use pyunload::target::watchdog::{WATCHDOG_ARGUMENT, watchdog_main};
use std::process::ExitCode;
use std::time::Duration;

const PATIENT: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|first| first == WATCHDOG_ARGUMENT)
    {
        return watchdog_main(&arguments[1..]);
    }
    let text: Vec<String> = arguments
        .into_iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let pid = text[0].parse().expect("a pid");
    let is_kill = text[2] == "kill";
    let unloaded = unload_by_hand(pid, &text[1], |count, run| {
        if is_kill {
            let own = nix::unistd::Pid::this();
            nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGKILL).expect("it dies");
        } else if count == 1 {
            run(TAKE);
        }
    });
    let holders = unloaded.held.map_or(0, |held| held.paths.len());
    println!("{:?} {holders}", unloaded.outcomes[0].outcome);
    ExitCode::SUCCESS
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
            override_switch: false,
            interpreter: 0,
            beside_threads: false,
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
