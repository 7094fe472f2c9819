//! The stack of the main thread, and whose code stands on it.
//!
//! Everything slow is done while the target runs: which images are on the stack, their unwind
//! tables, the addresses of methods and of functions of the C library. Under the stop the stack is
//! copied in one read and followed.

use crate::address::Address;
use crate::control::control::Control;
use crate::control::libc::Libc;
use crate::elf::image::Image;
use crate::elf::unwind::{Cpu, Frame, Stack, UnwindTable, unwind};
use crate::inject::parked_thread::methods::methods_of;
use crate::inject::parked_thread::recognise::{
    Known, METHODS, Owner, Parked, Unproven, WAITS, recognise,
};
use crate::target::maps::{MappedFile, Maps};
use crate::target::process::Process;
use crate::target::registers_x86_64::Registers;
use crate::target::threads::{Activity, Thread};
use std::collections::HashMap;

/// How much of a stack is copied: some hundred frames.
const STACK_BYTES: usize = 64 << 10;
/// Images on one stack at most; more are not looked at, and then the stack is not followed.
const MOST_IMAGES: usize = 24;

/// Modules of the standard library whose methods wait, where they are files of their own.
const EXTENSIONS: [&str; 6] = ["time", "select", "_socket", "fcntl", "_io", "posix"];

/// What is known of the images on the stack of a thread.
#[derive(Debug)]
pub struct Sight {
    tables: Vec<UnwindTable>,
    owners: Vec<Owner>,
    methods: HashMap<Address, &'static str>,
    functions: Vec<(Address, &'static str)>,
}

impl Sight {
    /// Reads everything about the images that a stack seems to lead through. `python` is any
    /// address in the code of CPython.
    pub(super) fn of_stack(
        process: &Process,
        maps: &Maps,
        libc: &Libc,
        python: Address,
        stack: &Stack,
    ) -> Self {
        let interpreter = maps.find(python).and_then(|mapping| mapping.file.as_ref());
        let files = files_on(stack, maps, [interpreter, Some(libc.file())]);
        let mut sight = Sight {
            tables: Vec::new(),
            owners: Vec::new(),
            methods: HashMap::new(),
            functions: Vec::new(),
        };
        for file in files {
            let owner = owner_of(file, interpreter, libc.file());
            sight.add(process, maps, file, owner);
        }
        sight.functions = WAITS
            .iter()
            .filter_map(|wait| Some((libc.function(process, wait.function)?, wait.function)))
            .collect();
        sight
    }

    fn add(&mut self, process: &Process, maps: &Maps, file: &MappedFile, owner: Owner) {
        let Ok(image) = Image::read(process, maps, file) else {
            return;
        };
        let Some(table) = UnwindTable::read(process, &image) else {
            return;
        };
        if owner == Owner::Python {
            self.add_methods(process, &image);
        }
        self.tables.push(table);
        self.owners.push(owner);
    }

    fn add_methods(&mut self, process: &Process, image: &Image) {
        let methods = methods_of(process, image, &METHODS);
        if methods.values().any(|&name| name == "select") {
            // The method ends with a jump to its second half, which only a symbol names.
            let names = [
                "select_select_impl",
                "select_select_impl.constprop.0",
                "select_select_impl.isra.0",
            ];
            let halves = image.find_symbols(process, names).into_iter().flatten();
            self.methods
                .extend(halves.map(|half| (half.address, "select")));
        }
        self.methods.extend(methods);
    }

    /// Recognises what the main thread of a stopped target waits in.
    pub(super) fn recognise_stopped(
        &self,
        control: &Control<'_>,
        registers: &Registers,
    ) -> Result<Parked, Unproven> {
        let stack = Stack::read(control, Address::new(registers.rsp), STACK_BYTES);
        // A wait that a stop ends has been set back to its call, whose number is in rax again.
        let number = match registers.orig_rax as i64 {
            number if number >= 0 => number,
            _ => registers.rax as i64,
        };
        self.recognise(number, cpu_of(registers), &stack)
    }

    fn recognise(&self, number: i64, cpu: Cpu, stack: &Stack) -> Result<Parked, Unproven> {
        let (frames, end) = unwind(&self.tables, cpu, stack);
        recognise(number, &frames, end, self)
    }

    /// Whether the C library, in which every wait stands, has unwind tables.
    pub(super) fn has_library(&self) -> bool {
        self.owners.contains(&Owner::C)
    }

    fn describe(&self, frame: &Frame) -> String {
        let method = self.method(frame.function).unwrap_or("-");
        let function = self.functions.iter().find(|f| f.0 == frame.function);
        let function = function.map_or("-", |f| f.1);
        format!(
            "{:?} {} {function} {{{method}}}",
            self.owner(frame),
            frame.function
        )
    }
}

impl Known for Sight {
    fn owner(&self, frame: &Frame) -> Owner {
        self.owners[frame.table]
    }

    fn is_function(&self, at: Address, name: &str) -> bool {
        self.functions.contains(&(at, name_of(name)))
    }

    fn method(&self, at: Address) -> Option<&'static str> {
        self.methods.get(&at).copied()
    }
}

/// The name as the list has it.
fn name_of(name: &str) -> &'static str {
    let found = WAITS.iter().find(|wait| wait.function == name);
    found.map_or("", |wait| wait.function)
}

fn cpu_of(registers: &Registers) -> Cpu {
    let at = Address::new(registers.rip);
    Cpu::at(at, Address::new(registers.rsp)).with_kept([
        registers.rbx,
        registers.rbp,
        registers.r12,
        registers.r13,
        registers.r14,
        registers.r15,
    ])
}

/// The files whose code the words of a stack point to, and those given.
fn files_on<'m>(
    stack: &Stack,
    maps: &'m Maps,
    given: [Option<&'m MappedFile>; 2],
) -> Vec<&'m MappedFile> {
    let mut files: Vec<&MappedFile> = given.into_iter().flatten().collect();
    for word in stack.words() {
        if files.len() == MOST_IMAGES {
            break;
        }
        let mapping = maps.find(word).filter(|mapping| mapping.execute);
        if let Some(file) = mapping.and_then(|mapping| mapping.file.as_ref())
            && !files.contains(&file)
        {
            files.push(file);
        }
    }
    files
}

fn owner_of(file: &MappedFile, interpreter: Option<&MappedFile>, libc: &MappedFile) -> Owner {
    let name = file.path.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    if Some(file) == interpreter || is_own_extension(file, name) {
        Owner::Python
    } else if file == libc || name.starts_with("libpthread") {
        Owner::C
    } else if name.starts_with("ld-") {
        Owner::Loader
    } else {
        Owner::Other
    }
}

/// Whether this is one of the extensions that come with CPython.
fn is_own_extension(file: &MappedFile, name: &str) -> bool {
    let folder = file.path.parent().and_then(|folder| folder.file_name());
    let module = name.split('.').next().unwrap_or_default();
    folder.is_some_and(|folder| folder == "lib-dynload") && EXTENSIONS.contains(&module)
}

/// What the main thread waits in, as far as it can be told without a stop; `None` when it is in no
/// system call.
pub fn foresee(
    process: &Process,
    libc: &Libc,
    python: Address,
) -> Option<(Sight, Result<Parked, Unproven>)> {
    let Activity::Syscall {
        number,
        stack,
        instruction,
        ..
    } = Thread::main(process)?.activity
    else {
        return None;
    };
    let maps = process.maps().ok()?;
    let (at, pointer) = (Address::new(instruction), Address::new(stack));
    let stack = Stack::read(process, pointer, STACK_BYTES);
    let sight = Sight::of_stack(process, &maps, libc, python, &stack);
    let seen = sight.recognise(number, Cpu::at(at, pointer), &stack);
    Some((sight, seen))
}

/// The frames of the main thread of a running target that waits, one line each; for tools.
pub fn main_frames(process: &Process, sight: &Sight) -> Vec<String> {
    let Some(Activity::Syscall {
        stack, instruction, ..
    }) = Thread::main(process).map(|thread| thread.activity)
    else {
        return Vec::new();
    };
    let (at, pointer) = (Address::new(instruction), Address::new(stack));
    let stack = Stack::read(process, pointer, STACK_BYTES);
    let (frames, end) = unwind(&sight.tables, Cpu::at(at, pointer), &stack);
    let mut lines: Vec<String> = frames.iter().map(|frame| sight.describe(frame)).collect();
    lines.push(format!("{end:?}"));
    lines
}
