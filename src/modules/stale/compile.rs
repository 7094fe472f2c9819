//! Asking the target's own Python, in a process with no more power than the target, what the files
//! say now. Many files are compiled in one process; nothing that was compiled is executed.

use crate::pyobject::code::dump::Dump;
use crate::pyobject::code::{Code, Constant};
use crate::target::process::Process;
use crate::target::twin::{self, Program, TwinError};
use crate::target::twin_limits::Limits;
use std::ffi::OsStr;
use std::time::Duration;

/// What is run: see there.
const SCRIPT: &str = include_str!("compile.py");
/// What it says first.
const HELLO: &[u8] = b"pyunload";
/// How long one process may take: at first, and for each file.
const TIME: Duration = Duration::from_secs(20);
const TIME_EACH: Duration = Duration::from_millis(300);
/// How much it may say, in bytes.
const OUTPUT: usize = 1 << 28;

/// A file to compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its path as the target sees it; inside an archive, too.
    pub path: String,
    /// Whether it is a `.pyc`.
    pub is_compiled: bool,
}

/// A definition in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Where it stands: `Class.method`.
    pub qualname: String,
    /// Its line, from 1 on.
    pub line: u32,
    /// Whether it is a class.
    pub is_class: bool,
    /// Whether it has decorators.
    pub is_decorated: bool,
    /// Whether nothing in the file hinders that exactly this stands under its name afterwards.
    pub is_sure: bool,
}

/// A name that gets a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// Where it stands: `Class.NAME`.
    pub qualname: String,
    /// Its line, from 1 on.
    pub line: u32,
    /// The value.
    pub value: Constant,
}

/// What a file compiles to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// The code of the module.
    pub code: Code,
    /// Its functions and classes; of a `.pyc` none.
    pub definitions: Vec<Definition>,
    /// Assignments of literals that nothing else in the file overwrites.
    pub constants: Vec<Literal>,
    /// Whether an older writing of the file had the same code, as its cached file tells.
    pub is_as_cached: bool,
    /// The text that the file assigns to `__version__`.
    pub version: Option<String>,
    /// The code as `marshal.dumps` of that Python writes it.
    pub marshalled: Vec<u8>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnDisk {
    /// It was compiled.
    Compiled(Box<Compiled>),
    /// There is none.
    Missing(String),
    /// It cannot be read.
    Unreadable(String),
    /// It is no Python of this version.
    SyntaxError(String),
    /// A `.pyc` of another version.
    OtherVersion,
}

/// Why nothing could be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The process was not possible, or had to be ended.
    #[error("{0}")]
    Twin(#[from] TwinError),
    /// It is another Python than the one in the process.
    #[error("the target's program does not run as its Python: {detail}")]
    OtherPython {
        /// What it did instead.
        detail: &'static str,
    },
}

/// Compiles files as the target's own Python does: what became of each, in their order.
///
/// # Errors
/// [`CompileError`]. A file that cannot be compiled is none.
pub fn compile(
    target: &Process,
    program: Program<'_>,
    hexversion: u32,
    optimize: u8,
    wanted: &[Wanted],
) -> Result<Vec<OnDisk>, CompileError> {
    let mut arguments = match hexversion >> 24 {
        2 => vec!["-E", "-s", "-S", "-B"],
        _ => vec!["-I", "-S", "-B"],
    };
    if hexversion >> 24 == 2 {
        arguments.extend([&[][..], &["-O"], &["-OO"]][usize::from(optimize.min(2))]);
    }
    arguments.extend(["-c", SCRIPT]);
    let arguments: Vec<&OsStr> = arguments.into_iter().map(OsStr::new).collect();
    let limits = Limits {
        time: TIME + TIME_EACH * wanted.len().min(2000) as u32,
        output: OUTPUT,
    };
    let answer = twin::run(
        target,
        program,
        &arguments,
        request(wanted, optimize),
        limits,
    )?;
    parse(&answer, hexversion, wanted.len()).map_err(|detail| CompileError::OtherPython { detail })
}

fn request(wanted: &[Wanted], optimize: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    for file in wanted {
        bytes.extend([u8::from(file.is_compiled), optimize]);
        bytes.extend((file.path.len() as u32).to_le_bytes());
        bytes.extend(file.path.as_bytes());
    }
    bytes
}

fn parse(answer: &[u8], hexversion: u32, count: usize) -> Result<Vec<OnDisk>, &'static str> {
    let mut dump = Dump::new(answer);
    if dump.bytes(HELLO.len()) != Some(HELLO) {
        return Err("it did not answer");
    }
    if dump.number() != Some(hexversion) {
        return Err("it has another version");
    }
    let mut files = Vec::with_capacity(count);
    for _ in 0..count {
        let frame = dump.block().ok_or("it ended early")?;
        files.push(parse_file(&mut Dump::new(frame)).ok_or("its answer makes no sense")?);
    }
    Ok(files)
}

fn parse_file(dump: &mut Dump<'_>) -> Option<OnDisk> {
    Some(match dump.byte()? {
        b'm' => OnDisk::Missing(dump.name()?),
        b'u' => OnDisk::Unreadable(dump.name()?),
        b's' => OnDisk::SyntaxError(dump.name()?),
        b'v' => OnDisk::OtherVersion,
        b'o' => OnDisk::Compiled(Box::new(Compiled {
            code: dump.code()?,
            version: match dump.byte()? {
                b'v' => Some(dump.name()?),
                _ => None,
            },
            definitions: parse_definitions(dump)?,
            constants: parse_constants(dump)?,
            is_as_cached: dump.byte()? == b'y',
            marshalled: dump.block()?.to_vec(),
        })),
        _ => return None,
    })
}

fn parse_definitions(dump: &mut Dump<'_>) -> Option<Vec<Definition>> {
    let one = |dump: &mut Dump<'_>| {
        Some(Definition {
            qualname: dump.name()?,
            line: dump.number()?,
            is_class: dump.byte()? != 0,
            is_decorated: dump.byte()? != 0,
            is_sure: dump.byte()? != 0,
        })
    };
    (0..dump.count()?).map(|_| one(dump)).collect()
}

fn parse_constants(dump: &mut Dump<'_>) -> Option<Vec<Literal>> {
    let one = |dump: &mut Dump<'_>| {
        Some(Literal {
            qualname: dump.name()?,
            line: dump.number()?,
            value: dump.literal()?,
        })
    };
    (0..dump.count()?).map(|_| one(dump)).collect()
}
