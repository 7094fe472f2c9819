//! `attach`: one process, many commands. Lines come from `-c`, from a script, from standard input,
//! or from a prompt; all are parsed by the definitions of the command line.

mod line;
mod prompt;
mod run;

pub use line::words_of;
pub use run::attach;
