use super::*;
use proptest::prelude::*;

fn parsed(words: &[&str]) -> Result<Vec<String>, String> {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    match parse(&words) {
        Ok(assertions) => Ok(assertions.iter().map(ToString::to_string).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn every_form_is_understood() {
    let all = [
        "absent shop.legacy",
        "loaded json",
        "version requests == 2.32.3",
        "refcount json <= 3",
        "ghosts == 0",
        "ghosts shop == 0",
        "generations shop.tax <= 1",
        "held-by shop.tax ONLY shop.cart,atexit",
        "retained shop.tax < 10MB",
        "extension-mapped /srv/a b/_x<y>.so",
    ];
    let expected: Vec<String> = all.iter().map(|&text| text.to_owned()).collect();
    assert_eq!(parsed(&all), Ok(expected));
}

#[test]
fn words_need_no_quotes_and_signs_no_blanks() {
    assert_eq!(
        parsed(&[
            "absent",
            "a",
            "version",
            "b>=2.0",
            "ghosts==0",
            "refcount",
            "c",
            "<= 3",
            "held-by",
            "d",
            "only",
            "e,",
            "f",
            "retained",
            "g",
            "<",
            "10",
            "MB",
            "extension-mapped",
            "_json.so",
            "loaded",
            "h",
        ]),
        Ok([
            "absent a",
            "version b >= 2.0",
            "ghosts == 0",
            "refcount c <= 3",
            "held-by d ONLY e,f",
            "retained g < 10MB",
            "extension-mapped _json.so",
            "loaded h",
        ]
        .map(str::to_owned)
        .to_vec())
    );
}

#[test]
fn an_error_says_what_was_expected_and_where() {
    let error = |words: &[&str]| parsed(words).expect_err("wrong");
    assert_eq!(
        error(&["refcount shop 3"]),
        "expected one of == != < <= > >= after 'refcount shop', found '3'"
    );
    assert_eq!(
        error(&["refcount shop = 3"]),
        "expected one of == != < <= > >= after 'refcount shop', found '='"
    );
    assert_eq!(
        error(&["absent"]),
        "expected the name of a module after 'absent', found the end"
    );
    assert_eq!(
        error(&["ghosts == none"]),
        "expected a whole number after 'ghosts ==', found 'none'"
    );
    assert_eq!(
        error(&["loaded a b"]),
        "expected the end after 'loaded a', found 'b'"
    );
    assert!(error(&["gone a"]).starts_with("expected absent, loaded, "));
    assert!(error(&["retained a < 10mb"]).contains("a size such as 10MB"));
    assert!(error(&["held-by a ONLY b,,c"]).contains("names with commas"));
}

#[test]
fn a_quoted_assertion_takes_nothing_from_the_next_word() {
    assert_eq!(
        parsed(&["refcount a", "<= 3"]),
        Err("expected one of == != < <= > >= after 'refcount a', found the end".into())
    );
}

fn names() -> impl Strategy<Value = Name> {
    "[^\\s=!<>,]{1,12}".prop_map(|text| Name::new(&text).expect("a name"))
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    (0..Comparison::ALL.len()).prop_map(|index| Comparison::ALL[index].1)
}

fn assertions() -> impl Strategy<Value = Assertion> {
    let how = comparisons;
    prop_oneof![
        names().prop_map(Assertion::Absent),
        names().prop_map(Assertion::Loaded),
        (names(), how(), "[a-z]{0,3}[0-9][^\\s=!<>]{0,6}")
            .prop_map(|(n, c, v)| Assertion::Version(n, c, v)),
        (names(), how(), any::<u64>()).prop_map(|(n, c, v)| Assertion::Refcount(n, c, v)),
        (proptest::option::of(names()), how(), any::<u64>())
            .prop_map(|(n, c, v)| Assertion::Ghosts(n, c, v)),
        (names(), how(), any::<u64>()).prop_map(|(n, c, v)| Assertion::Generations(n, c, v)),
        (names(), proptest::collection::vec(names(), 1..4))
            .prop_map(|(n, only)| Assertion::HeldBy(n, only)),
        (names(), how(), any::<u64>()).prop_map(|(n, c, v)| Assertion::Retained(n, c, v)),
        "[^\\s][^\\n]{0,12}[^\\s]".prop_map(Assertion::Mapped),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_parses_back_to_the_same(
        all in proptest::collection::vec(assertions(), 1..4),
    ) {
        let words: Vec<String> = all.iter().map(ToString::to_string).collect();
        prop_assert_eq!(parse(&words), Ok(all));
    }

    #[test]
    fn any_words_are_parsed_or_refused(words in proptest::collection::vec("\\PC*|(.|\n)*", 0..5)) {
        let _ = parse(&words);
    }

    #[test]
    fn words_of_the_grammar_in_any_order_are_parsed_or_refused(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "absent", "version", "ghosts", "held-by", "ONLY", "retained", "extension-mapped",
                "==", "<=", "=", "a", "a,", ",", "3", "10MB", "MB", " ", "ghosts == 0", "absent x ",
            ]),
            0..9,
        ),
    ) {
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        let _ = parse(&words);
    }
}
