use super::*;

/// Frames of code at chosen places: 1000s are the C library, 2000s CPython, 3000s others, 4000s
/// the loader. 1001 is `read`, 1002 `poll`; 2001 is the method `read`, 2002 `poll`.
struct Places;

impl Known for Places {
    fn owner(&self, frame: &Frame) -> Owner {
        match frame.function.value() / 1000 {
            1 => Owner::C,
            2 => Owner::Python,
            4 => Owner::Loader,
            _ => Owner::Other,
        }
    }

    fn is_function(&self, at: Address, name: &str) -> bool {
        matches!((at.value(), name), (1001, "read") | (1002, "poll"))
    }

    fn method(&self, at: Address) -> Option<&'static str> {
        match at.value() {
            2001 => Some("read"),
            2002 => Some("poll"),
            _ => None,
        }
    }
}

fn seen(number: i64, functions: &[u64], end: End) -> Result<&'static str, Unproven> {
    let frames: Vec<Frame> = functions
        .iter()
        .map(|&function| Frame {
            table: 0,
            function: Address::new(function),
            at: Address::new(function + 5),
            is_signal: false,
        })
        .collect();
    recognise(number, &frames, end, &Places).map(|parked| parked.method)
}

#[test]
fn a_known_method_in_a_known_function_is_recognised() {
    assert_eq!(
        seen(0, &[1001, 2001, 2500, 1500, 3001], End::First),
        Ok("read")
    );
    assert_eq!(
        seen(0, &[1400, 1001, 2400, 2001, 2500], End::TooMany),
        Ok("read")
    );
    assert_eq!(seen(219, &[1002, 2002], End::First), Ok("poll"));
}

#[test]
fn function_method_and_call_must_fit_each_other() {
    assert_eq!(seen(7, &[1001, 2001], End::First), Err(Unproven::Library));
    assert_eq!(seen(0, &[1001, 2002], End::First), Err(Unproven::Method));
    assert_eq!(seen(202, &[1001, 2001], End::First), Err(Unproven::Call));
    assert_eq!(seen(0, &[1400, 2001], End::First), Err(Unproven::Library));
}

#[test]
fn a_stranger_between_kernel_and_method_is_refused() {
    assert_eq!(
        seen(0, &[1001, 3001, 2001], End::First),
        Err(Unproven::Foreign)
    );
    assert_eq!(
        seen(0, &[3001, 1001, 2001], End::First),
        Err(Unproven::Library)
    );
    assert_eq!(
        seen(0, &[1001, 2500, 3001, 2001], End::First),
        Err(Unproven::Method)
    );
    let deep = [1400, 1401, 1402, 1403, 1001, 2001];
    assert_eq!(seen(0, &deep, End::First), Err(Unproven::Library));
}

#[test]
fn only_the_innermost_method_counts() {
    assert_eq!(
        seen(7, &[1002, 2001, 2002], End::First),
        Err(Unproven::Method)
    );
}

#[test]
fn a_library_that_called_python_is_in_the_middle_of_something() {
    let called = [1001, 2001, 2500, 1500, 2600, 3001];
    assert_eq!(seen(0, &called, End::First), Err(Unproven::InLibrary));
    let loading = [1001, 2001, 2500, 4001, 2600];
    assert_eq!(seen(0, &loading, End::First), Err(Unproven::InLibrary));
    let foreign = [1001, 2001, 2500, 3002, 2600, 1500];
    assert_eq!(seen(0, &foreign, End::First), Ok("read"));
}

#[test]
fn a_signal_handler_anywhere_is_refused() {
    let frame = |function, is_signal| Frame {
        table: 0,
        function: Address::new(function),
        at: Address::new(function),
        is_signal,
    };
    let frames = [frame(1001, false), frame(2001, false), frame(1600, true)];
    let seen = recognise(0, &frames, End::First, &Places);
    assert_eq!(seen, Err(Unproven::InSignalHandler));
}

#[test]
fn a_stack_that_could_not_be_followed_proves_nothing() {
    let at = Address::new(1);
    assert_eq!(
        seen(0, &[], End::NoTable { at }),
        Err(Unproven::NotFollowed)
    );
    assert_eq!(seen(0, &[1001], End::Unproven), Err(Unproven::NotFollowed));
    assert_eq!(
        seen(0, &[1001, 2500], End::NoStack { at }),
        Err(Unproven::NotFollowed)
    );
    assert_eq!(seen(0, &[1001, 2500], End::First), Err(Unproven::Method));
}

#[test]
fn a_call_that_is_not_on_the_list_is_told_as_that_whatever_the_stack_shows() {
    const PAUSE: i64 = 34;
    let at = Address::new(1);
    assert_eq!(seen(PAUSE, &[], End::NoTable { at }), Err(Unproven::Call));
    let frames = [1001, 2001, 2500];
    assert_eq!(seen(PAUSE, &frames, End::First), Err(Unproven::Call));
}

#[test]
fn every_method_of_the_list_is_looked_for() {
    for wait in &WAITS {
        for method in wait.methods {
            assert!(METHODS.contains(method), "{method}");
        }
    }
}
