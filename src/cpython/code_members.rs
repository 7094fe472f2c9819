//! Where a code object keeps its parts (`PyCodeObject`), each version as the difference from the one
//! before. Offsets are those of the default build; in builds with a longer header all are
//! [`Heap::later`](super::layout::Heap::later).

/// The members of a code object, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeMembers {
    /// `co_argcount`.
    pub argument_count: u32,
    /// `co_posonlyargcount`, from 3.8 on.
    pub positional_only: Option<u32>,
    /// `co_kwonlyargcount`, from 3.0 on.
    pub keyword_only: Option<u32>,
    /// `co_flags`.
    pub flags: u32,
    /// `co_firstlineno`.
    pub first_line: u32,
    /// `co_consts`.
    pub constants: u32,
    /// `co_names`.
    pub names: u32,
    /// `co_filename`.
    pub file: u32,
    /// `co_name`.
    pub name: u32,
    /// `co_qualname`, from 3.11 on.
    pub qualname: Option<u32>,
    /// `co_linetable`; `co_lnotab` to 3.9.
    pub line_table: u32,
    /// `co_exceptiontable`, from 3.11 on.
    pub exception_table: Option<u32>,
    /// How local variables are kept.
    pub locals: LocalsForm,
    /// How instructions are kept.
    pub instructions: InstructionsForm,
}

/// How the names of local variables are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalsForm {
    /// `co_varnames`, `co_freevars`, `co_cellvars`. To 3.10.
    Three(u32, u32, u32),
    /// `co_localsplusnames` and `co_localspluskinds`. From 3.11 on.
    Kinds(u32, u32),
}

/// How instructions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstructionsForm {
    /// `co_code`, a `bytes` that never changes. To 3.10.
    Bytes(u32),
    /// `co_code_adaptive`: in the object itself, rewritten while it runs. From 3.11 on.
    Adaptive {
        /// Where it begins. The length of the object counts its units of two bytes.
        at: u32,
        /// `_co_monitoring`, from 3.12 on.
        monitoring: Option<Monitoring>,
        /// `co_executors`, from 3.13 on.
        executors: Option<u32>,
    },
}

/// How a code object keeps the original opcodes of traced lines
/// (`_PyCoLineInstrumentationData`, `Include/cpython/code.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinesForm {
    /// Two bytes for each code unit: the opcode and the difference of the line.
    Pairs,
    /// A byte that says how many bytes an entry has (2 to 5), then the entries, the opcode first.
    Sized,
    /// One of both: it changed within 3.13. The first byte tells: of pairs it is 0 or the opcode
    /// that a code object begins with (`RESUME` and its like), never 2 to 5.
    PairsOrSized,
}

impl LinesForm {
    /// Where the original opcode of the code unit `index` is, from the beginning of the lines,
    /// whose first byte is `first`.
    pub fn place(self, first: u8, index: u64) -> u64 {
        let is_sized = match self {
            LinesForm::Pairs => false,
            LinesForm::Sized => true,
            LinesForm::PairsOrSized => (2..=5).contains(&first),
        };
        match is_sized {
            true => 1 + u64::from(first) * index,
            false => 2 * index,
        }
    }
}

/// `_PyCoMonitoringData` (`Include/internal/pycore_instruments.h`): what tracers have replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Monitoring {
    /// `_co_monitoring` of the code object.
    pub at: u32,
    /// `lines`.
    pub lines: u32,
    /// How `lines` is arranged.
    pub form: LinesForm,
    /// `per_instruction_opcodes`.
    pub instructions: u32,
}

const V2_7: CodeMembers = CodeMembers {
    argument_count: 16,
    positional_only: None,
    keyword_only: None,
    flags: 28,
    first_line: 96,
    constants: 40,
    names: 48,
    file: 80,
    name: 88,
    qualname: None,
    line_table: 104,
    exception_table: None,
    locals: LocalsForm::Three(56, 64, 72),
    instructions: InstructionsForm::Bytes(32),
};

/// Keyword-only arguments; the first line stands among the numbers.
const V3_6: CodeMembers = CodeMembers {
    keyword_only: Some(20),
    flags: 32,
    first_line: 36,
    constants: 48,
    names: 56,
    file: 96,
    name: 104,
    line_table: 112,
    locals: LocalsForm::Three(64, 72, 80),
    instructions: InstructionsForm::Bytes(40),
    ..V2_7
};

/// Positional-only arguments.
const V3_8: CodeMembers = CodeMembers {
    positional_only: Some(20),
    keyword_only: Some(24),
    flags: 36,
    first_line: 40,
    constants: 56,
    names: 64,
    file: 104,
    name: 112,
    line_table: 120,
    locals: LocalsForm::Three(72, 80, 88),
    instructions: InstructionsForm::Bytes(48),
    ..V3_6
};

/// Arranged anew: instructions in the object, kinds of locals, qualified names.
const V3_11: CodeMembers = CodeMembers {
    argument_count: 56,
    positional_only: Some(60),
    keyword_only: Some(64),
    flags: 48,
    first_line: 72,
    constants: 24,
    names: 32,
    file: 112,
    name: 120,
    qualname: Some(128),
    line_table: 136,
    exception_table: Some(40),
    locals: LocalsForm::Kinds(96, 104),
    instructions: InstructionsForm::Adaptive {
        at: 184,
        monitoring: None,
        executors: None,
    },
};

/// One number less; what tracers replace.
const V3_12: CodeMembers = CodeMembers {
    argument_count: 52,
    positional_only: Some(56),
    keyword_only: Some(60),
    first_line: 68,
    instructions: InstructionsForm::Adaptive {
        at: 192,
        monitoring: Some(Monitoring {
            at: 168,
            lines: 40,
            form: LinesForm::Pairs,
            instructions: 56,
        }),
        executors: None,
    },
    ..V3_11
};

/// Executors.
const V3_13: CodeMembers = CodeMembers {
    instructions: InstructionsForm::Adaptive {
        at: 200,
        monitoring: Some(Monitoring {
            at: 176,
            lines: 32,
            form: LinesForm::PairsOrSized,
            instructions: 48,
        }),
        executors: Some(152),
    },
    ..V3_12
};

/// Versions of tools; entries of lines as wide as they need to be.
const V3_14: CodeMembers = CodeMembers {
    instructions: InstructionsForm::Adaptive {
        at: 208,
        monitoring: Some(Monitoring {
            at: 176,
            lines: 96,
            form: LinesForm::Sized,
            instructions: 112,
        }),
        executors: Some(152),
    },
    ..V3_13
};

/// More events.
const V3_15: CodeMembers = CodeMembers {
    instructions: InstructionsForm::Adaptive {
        at: 208,
        monitoring: Some(Monitoring {
            at: 176,
            lines: 104,
            form: LinesForm::Sized,
            instructions: 120,
        }),
        executors: Some(152),
    },
    ..V3_14
};

impl CodeMembers {
    /// Those of a minor version that is known.
    pub fn of(python: (u8, u8)) -> Option<&'static CodeMembers> {
        match python {
            (2, 7) => Some(&V2_7),
            (3, 6 | 7) => Some(&V3_6),
            (3, 8..=10) => Some(&V3_8),
            (3, 11) => Some(&V3_11),
            (3, 12) => Some(&V3_12),
            (3, 13) => Some(&V3_13),
            (3, 14) => Some(&V3_14),
            (3, 15) => Some(&V3_15),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_3_13_tell_by_their_first_byte_how_they_are_arranged() {
        let form = LinesForm::PairsOrSized;
        // 0: no line begins at the first unit; 149: RESUME.
        assert_eq!([0, 149].map(|first| form.place(first, 3)), [6, 6]);
        assert_eq!([2, 3].map(|first| form.place(first, 3)), [7, 10]);
    }
}
