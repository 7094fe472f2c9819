//! A core file with one flipped bit, through everything that is said of all objects: references,
//! holders, ghosts, what an unload would leave.

mod common;
#[path = "holders/seen.rs"]
#[allow(dead_code)]
mod seen;

use common::{Target, interpreter, is_ci, program};
use pyunload::elf::core_file;
use pyunload::heap::statics::find_areas;
use pyunload::modules::ghosts::find_ghosts;
use pyunload::modules::picture::Picture;
use pyunload::plan::border::find_border;
use pyunload::plan::own::{Cuts, Own};
use pyunload::plan::predict::predict;
use pyunload::plan::standing::judge;
use pyunload::pyobject::identify;
use pyunload::target::copy::CopyPlan;
use pyunload::target::target::Target as _;
use pyunload::target::view::ViewMemory;
use seen::cut_of;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// More memory than the target has.
const MEMORY: u64 = 1 << 30;
/// How long one look may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many modules are asked about in each look.
const ASKED: usize = 3;

/// How many places are tried: the thousand with `PYUNLOAD_THOROUGH=1`, a part of it otherwise.
fn tries() -> usize {
    match std::env::var_os("PYUNLOAD_THOROUGH") {
        Some(_) => 1000,
        None => 100,
    }
}

fn gcore(pid: i32, folder: &Path) -> Option<PathBuf> {
    let prefix = folder.join("core");
    let ended = Command::new("gcore")
        .arg("-o")
        .arg(&prefix)
        .arg(pid.to_string())
        .output();
    assert!(ended.is_ok() || !is_ci(), "gcore is missing");
    ended.ok()?;
    Some(folder.join(format!("core.{pid}")))
}

/// Everything that is said of one module: who refers to it, who holds it, what would be left.
fn ask<M: ViewMemory>(picture: &Picture<'_, M>, name: &str) {
    let Ok(cut) = cut_of(picture, &[name]) else {
        return;
    };
    let own = Own::of_cut(picture, &cut);
    let cuts = Cuts::of(picture, &cut);
    for member in own.modules.iter().chain(&own.dicts) {
        for &holder in picture.graph.referrers(*member).iter().take(100) {
            let _ = (picture.describe(holder), picture.label(holder, *member));
        }
    }
    let border = find_border(picture, &own, &cuts);
    for root in &border.roots {
        let _ = judge(picture, &own, root);
        for step in root.way.windows(2) {
            let _ = picture.label(step[0], step[1]);
        }
    }
    let _ = predict(picture, &cut, &cuts, &HashSet::new());
}

/// How many objects there are, when all could be taken in.
fn look(path: &Path) -> Option<usize> {
    let core = core_file::open(path, None).ok()?;
    let python = identify::find(&core).ok()?.python;
    let mut plan = CopyPlan::of_core(&core, MEMORY).ok()?;
    plan.fill(&core).ok()?;
    let copy = plan.over(&core);
    let areas = find_areas(&core, &core.maps().ok()?, &core.stack_pointers());
    let picture = Picture::take(&copy, &python, areas).ok()?;
    let _ = find_ghosts(&picture);
    let rows = picture.tables[0].rows.iter().rev();
    let names: Vec<&String> = rows.map(|row| &row.name).take(ASKED).collect();
    for name in names {
        ask(&picture, name);
    }
    Some(picture.graph.len())
}

/// The same numbers in every run.
fn numbers() -> impl Iterator<Item = u64> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state)
    })
}

/// Bytes of words that look like addresses of the heap: where objects refer to each other.
fn is_word_of_heap(file: &File, at: u64) -> bool {
    let mut word = [0; 8];
    let read = file.read_exact_at(&mut word, at & !7).is_ok();
    let value = u64::from_le_bytes(word);
    read && (0x5500_0000_0000..0x7fff_ffff_f000).contains(&value)
}

#[test]
fn a_flipped_bit_anywhere_does_no_harm_to_what_is_said_of_all_objects() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let target = Target::start_with(&python, &program("idle.py"), &[], |command| {
        command.arg("-S");
    });
    let folder = tempfile::tempdir().expect("a folder");
    let Some(path) = gcore(target.pid(), folder.path()) else {
        println!("gcore is missing: not tested");
        return;
    };
    let objects = look(&path).expect("it can be read");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .expect("a core");
    let length = file.metadata().expect("a file").len();
    let places = numbers()
        .map(|number| number % length)
        .filter(|&at| is_word_of_heap(&file, at));
    let mut understood = 0;
    for (index, at) in places.take(tries()).enumerate() {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).expect("read");
        let flipped = byte[0] ^ 1 << (index % 8);
        file.write_all_at(&[flipped], at).expect("written");
        let started = Instant::now();
        let found = look(&path);
        assert!(
            started.elapsed() < PATIENCE,
            "{at:#x}: {:?}",
            started.elapsed()
        );
        // What is not there cannot be found: memory is the bound.
        assert!(
            found.is_none_or(|found| found <= 2 * objects),
            "{at:#x}: {found:?}"
        );
        understood += usize::from(found.is_some());
        file.write_all_at(&byte, at).expect("written");
    }
    println!(
        "{objects} objects; {understood} of {} looks found all",
        tries()
    );
    assert_eq!(look(&path), Some(objects), "everything was put back");
    assert!(understood > tries() / 2, "{understood}");
}
