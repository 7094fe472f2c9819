//! Who holds a module: the holder in words, then the path, then the remedy.

use super::path::path_parts;
use super::roots::{add_groups, groups};
use super::wrap::wrapped;
use super::{Answer, Look, bytes, counted, escaped, name, thousands};
use crate::report::{Account, Document, Envelope, Root, Verdict, Why};
use std::fmt::Write;

/// How many of its own places are named.
const OWN_PLACES: usize = 3;

impl Answer for Document<Why> {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        let width = look.width.unwrap_or(100);
        let mut text = why_text(&self.body, look);
        let pid = self.envelope.target.as_ref().and_then(|target| target.pid);
        let next = next_text(&self.body, pid);
        let _ = writeln!(text, "{}", wrapped(&next, 0, width));
        text
    }
}

/// The answer without what to do next.
pub fn why_text(why: &Why, look: &Look) -> String {
    let width = look.width.unwrap_or(100);
    let outside = || why.roots.iter().filter(|root| !root.detached_by_unload);
    let mut text = headline(why, outside().count(), width) + "\n";
    add_groups(&mut text, &groups(outside()), look, width);
    let mut facts: Vec<String> = Vec::new();
    facts.extend(own_places(why, look));
    facts.extend(why.account.map(account_text));
    let retained = why.retained_bytes;
    facts.extend(retained.map(|size| format!("Only it keeps {} in use.", bytes(size))));
    if !facts.is_empty() {
        text.push('\n');
    }
    for fact in facts {
        let _ = writeln!(text, "{}", wrapped(&fact, 0, width));
    }
    text
}

/// The answer in one line.
fn headline(why: &Why, holders: usize, width: usize) -> String {
    let module = name(&escaped(&why.name));
    let places = counted(holders, "place");
    let least = if why.is_cut { "at least " } else { "" };
    let line = match (why.alive, why.loaded, holders) {
        (false, ..) => format!("nothing of {module} is alive."),
        (true, true, 0) => format!("{module} is loaded, and nothing else holds it."),
        (true, true, _) => format!("{module} is held from {least}{places} outside itself:"),
        (true, false, 0) => {
            format!("{module} has left sys.modules; its code is alive, and nothing holds it.")
        }
        (true, false, _) => {
            format!("{module} has left sys.modules; its code is alive, held from {least}{places}:")
        }
    };
    super::roots::wrapped_colours(&line, 0, width)
}

/// What unload takes away by itself.
fn own_places(why: &Why, look: &Look) -> Option<String> {
    let own: Vec<&Root> = why
        .roots
        .iter()
        .filter(|root| root.detached_by_unload)
        .collect();
    let places = own.iter().take(OWN_PLACES).map(|root| {
        let mut parts = path_parts(&root.path, look);
        // The last is the module itself.
        parts.pop();
        parts.join(" -> ")
    });
    let places: Vec<String> = places.filter(|place| !place.is_empty()).collect();
    let more = match own.len().saturating_sub(OWN_PLACES) {
        0 => String::new(),
        more => format!(" and {} more", thousands(more)),
    };
    let line = format!(
        "Its own places, which unload empties: {}{more}.",
        places.join(", ")
    );
    (!places.is_empty()).then_some(line)
}

fn account_text(account: Account) -> String {
    format!(
        "Refcount of its namespace: {} = {} from inside itself + {} from outside. Unexplained: {}.",
        thousands(account.refcount),
        thousands(account.inside),
        thousands(account.outside),
        thousands(account.unexplained),
    )
}

fn next_text(why: &Why, pid: Option<i32>) -> String {
    let pid = pid.map_or("PID".to_owned(), |pid| pid.to_string());
    let module = escaped(&why.name);
    if !why.alive {
        return format!("Next: pyunload modules {pid} lists what is loaded.");
    }
    if !why.loaded {
        return match why.roots.is_empty() {
            true => "Next: the program's next garbage collection takes it.".to_owned(),
            false => {
                "Next: release it where it is held; the next garbage collection takes it then."
                    .to_owned()
            }
        };
    }
    match why.verdict {
        Verdict::Clean => format!("Next: pyunload unload {pid} {module} takes it out."),
        Verdict::Remediable => format!(
            "Next: pyunload plan {pid} {module} shows how unload would release it everywhere."
        ),
        Verdict::Blocked => format!(
            "Next: it cannot be unloaded cleanly now; pyunload plan {pid} {module} says what is in \
             the way."
        ),
        Verdict::Restart => {
            "Next: no remedy is known for all of these: to be rid of it, restart the process."
                .to_owned()
        }
    }
}

#[cfg(test)]
pub mod examples {
    //! An answer for tests.

    use crate::render::path::examples::object;
    use crate::render::roots::examples::{at_exit, cache, own_key};
    use crate::report::{Account, Border, Verdict, Why};

    /// A module with a cache and an exit handler that hold it.
    pub fn tax() -> Why {
        Why {
            name: "shop.plugins.tax".into(),
            alive: true,
            loaded: true,
            verdict: Verdict::Blocked,
            roots: vec![cache(), at_exit(), own_key()],
            is_cut: false,
            border: vec![Border {
                from: object("instance", Some("Rate")),
                edge: ".__class__".into(),
                to: object("class", Some("Rate")),
                root: Some(0),
            }],
            account: Some(Account {
                refcount: 41,
                inside: 38,
                outside: 3,
                unexplained: 0,
            }),
            retained_bytes: Some(1_300_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::examples::tax;
    use super::*;
    use crate::report::Target;
    use snapbox::{assert_data_eq, str};

    fn text(why: Why, width: usize) -> String {
        let document = Document {
            envelope: Envelope::live("why", Some(Target::process(4242))),
            body: why,
        };
        let look = Look {
            width: Some(width),
            ..Look::default()
        };
        anstream::adapter::strip_str(&document.text(&look)).to_string()
    }

    #[test]
    fn the_holder_comes_first_then_the_path_then_the_remedy() {
        assert_data_eq!(
            text(tax(), 100),
            str![[r#"
shop.plugins.tax is held from 2 places outside itself:

  1  an instance in a cache   1,204 objects of class Rate
     shop.cart._cache['eu'] -> Rate instance.__class__ -> class Rate['compute'] -> function
     Rate.compute.__globals__ -> shop.plugins.tax
     remedy: drop the entries (yours to do)   not done by unload

  2  an exit handler
     interpreter 0.atexit[0] -> function flush.__globals__ -> shop.plugins.tax
     remedy: atexit.unregister(flush)   reversible

Its own places, which unload empties: sys.modules['shop.plugins.tax'].
Refcount of its namespace: 41 = 38 from inside itself + 3 from outside. Unexplained: 0.
Only it keeps 1.3 MB in use.
Next: it cannot be unloaded cleanly now; pyunload plan 4242 shop.plugins.tax says what is in the
way.

"#]]
        );
    }

    #[test]
    fn what_is_alike_is_one_and_what_is_not_is_not() {
        let mut why = tax();
        let cache = |name: &str| {
            let mut root = crate::render::roots::examples::at_exit();
            root.holder = Some(name.into());
            root
        };
        why.roots = vec![
            cache("typing caches"),
            cache("typing caches"),
            cache("other"),
        ];
        let text = text(why, 100);
        assert!(text.contains("held from 3 places"), "{text}");
        assert!(text.contains("  1  typing caches, 2 of them\n"), "{text}");
        assert!(
            text.contains("  2  other\n") && !text.contains("  3  "),
            "{text}"
        );
    }

    #[test]
    fn a_long_list_says_how_much_it_leaves_out() {
        let mut why = tax();
        why.is_cut = true;
        why.roots = (0..20)
            .map(|number| {
                let mut root = crate::render::roots::examples::at_exit();
                root.holder = Some(format!("holder {number}"));
                root
            })
            .collect();
        let text = text(why, 100);
        assert!(text.contains("held from at least 20 places"), "{text}");
        assert!(text.contains("and 12 more (--json lists all)"), "{text}");
    }

    #[test]
    fn lines_fit_a_narrow_terminal() {
        for width in [60, 80, 100] {
            for line in text(tax(), width).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_ghost_and_a_module_nobody_else_holds_say_so() {
        let mut why = tax();
        why.roots.truncate(1);
        why.loaded = false;
        assert!(text(why.clone(), 100).starts_with(
            "shop.plugins.tax has left sys.modules; its code is alive, held from 1 place:"
        ));
        why.roots = vec![crate::render::roots::examples::own_key()];
        (why.loaded, why.verdict) = (true, Verdict::Clean);
        let text = text(why, 100);
        assert!(text.starts_with("shop.plugins.tax is loaded, and nothing else holds it.\n"));
        assert!(
            text.contains("Next: pyunload unload 4242 shop.plugins.tax"),
            "{text}"
        );
    }
}
