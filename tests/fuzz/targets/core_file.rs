//! A core file, and the Python that is looked for in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pyunload::elf::core_file;
use pyunload::heap::statics::find_areas;
use pyunload::modules::inventory::inventory_of_still;
use pyunload::pyobject::identify;
use pyunload::target::copy::CopyPlan;
use pyunload::target::memory::ReadMemory;
use pyunload::target::target::Target;
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// Where the first mapping of the cores we begin with is.
const BASE: u64 = 0x40_0000;

// Behind the header of the file: program headers, notes, memory.
pyunload_fuzz::fuzz_words!(64, BASE);

thread_local! {
    /// One file for all inputs, without a name: nothing is left when a run ends.
    static FILE: RefCell<File> = RefCell::new(nameless_file());
}

fn nameless_file() -> File {
    let path = std::env::temp_dir().join(format!("pyunload-fuzz-{}", std::process::id()));
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).open(&path);
    let file = file.expect("a temporary file");
    std::fs::remove_file(&path).expect("it is there");
    file
}

/// Puts the input into the file, and gives a path to it.
fn written(input: &[u8]) -> PathBuf {
    FILE.with_borrow_mut(|file| {
        file.set_len(0).expect("emptied");
        file.rewind().expect("a file");
        file.write_all(input).expect("written");
        PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
    })
}

fn look_around(path: &Path) {
    let Ok(core) = core_file::open(path, Some(Path::new("/nowhere"))) else {
        return;
    };
    let maps = core.maps().expect("of a core");
    let mut buffer = vec![0; 8192];
    for mapping in maps.iter().take(64) {
        let _ = core.read_some_at(mapping.range.start, &mut buffer);
        let _ = core.read_some_at(mapping.range.end.before(8), &mut buffer);
        let _ = core.missing_at(mapping.range.start);
    }
    let _ = (core.executable(), core.warnings(), find_areas(&core, &maps, &core.stack_pointers()));
    if let Ok(mut plan) = CopyPlan::of_core(&core, 1 << 20) {
        let _ = plan.fill(&core);
    }
    if let Ok(found) = identify::find(&core) {
        let _ = inventory_of_still(&core, &found.python, found.python.main());
    }
}

fuzz_target!(|input: &[u8]| {
    let path = written(input);
    assert!(core_file::is_core(&path) || core_file::open(&path, None).is_err());
    look_around(&path);
});
