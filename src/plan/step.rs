//! One remedy as a program inside the target finds it again: where it begins, how it goes on, and what
//! has to be there.

use crate::address::Address;
use crate::plan::key::Key;
use crate::plan::remedy::Remedy;
use crate::pyobject::edges::roots::RootPlace;
use crate::pyobject::text::Text;

/// One step on the way from the namespace of a module to a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hop {
    /// The value of a dict.
    Key(Text),
    /// An attribute.
    Attribute(Text),
    /// An item of a sequence.
    Item(u64),
    /// The object at this address, one of those that `gc.get_referents` gives.
    Referent(Address),
}

/// What has to be there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    /// The key, in a dict.
    pub key: Option<Address>,
    /// The value.
    pub value: Address,
    /// The name of its class.
    pub class: String,
}

/// What is done: the functions of `inject/payload/remedies.py`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// Takes rows out of a dict or list.
    Rows,
    /// The same in `warnings.filters`.
    WarningRows,
    /// The same in the registry of a generic function.
    DispatchRows,
    /// Puts something else under a name.
    Replace,
    /// Takes an attribute off a class.
    ClassAttribute,
    /// The handler of a signal.
    SignalHandler,
    /// `sys.setprofile`.
    Profile,
    /// `sys.settrace`.
    Trace,
    /// `sys.set_coroutine_wrapper`.
    CoroutineWrapper,
    /// `sys.set_asyncgen_hooks`.
    AsyncgenHook,
    /// `sys.monitoring.register_callback`.
    MonitoringCallback,
    /// A handler of codec errors.
    CodecError,
    /// The value of a context variable.
    ContextVariable,
    /// `readline.set_completer`.
    Completer,
    /// `cache_clear`.
    Cache,
    /// The caches of `typing`.
    TypingCaches,
    /// `codecs.unregister`.
    Codec,
    /// `atexit.unregister`.
    ExitHandler,
    /// `close` of a generator or coroutine.
    Close,
    /// `cancel` of a task.
    Cancel,
    /// `shutdown` of an executor.
    Shutdown,
    /// `cancel` of a timer.
    StopTimer,
}

impl Word {
    /// Its name inside.
    pub fn word(self) -> &'static str {
        match self {
            Word::Rows => "rows",
            Word::WarningRows => "warning_rows",
            Word::DispatchRows => "dispatch_rows",
            Word::Replace => "replace",
            Word::ClassAttribute => "class_attribute",
            Word::SignalHandler => "signal_handler",
            Word::Profile => "profile",
            Word::Trace => "trace",
            Word::CoroutineWrapper => "coroutine_wrapper",
            Word::AsyncgenHook => "asyncgen_hook",
            Word::MonitoringCallback => "monitoring_callback",
            Word::CodecError => "codec_error",
            Word::ContextVariable => "context_variable",
            Word::Completer => "completer",
            Word::Cache => "cache",
            Word::TypingCaches => "typing_caches",
            Word::Codec => "codec",
            Word::ExitHandler => "exit_handler",
            Word::Close => "close",
            Word::Cancel => "cancel",
            Word::Shutdown => "shutdown",
            Word::StopTimer => "stop_timer",
        }
    }

    /// Whether it is done when nothing else holds the modules any more: what was in a cache, the
    /// place in a list that is not to be seen, and the arguments of an exit handler do not come back, nor
    /// what was ended.
    pub fn is_last(self) -> bool {
        self >= Word::Cache
    }
}

/// One remedy, to be done by a program inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is, for a person.
    pub remedy: Remedy,
    /// What is done.
    pub word: Word,
    /// The key of the module in which the way begins; empty where there is none.
    pub module: Key,
    /// The way.
    pub hops: Vec<Hop>,
    /// What it leads to; null where that is not compared.
    pub container: Address,
    /// What is to go from there.
    pub rows: Vec<Row>,
    /// The number of a signal and the like.
    pub number: u64,
    /// References that it takes away.
    pub edges: Vec<(Address, Address)>,
    /// Words of the interpreter that it empties.
    pub places: Vec<RootPlace>,
}
