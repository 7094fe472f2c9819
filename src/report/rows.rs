//! A long list of a document, of which another thread can write a part.

use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// Rows of a document.
#[derive(Debug, Clone)]
pub struct Rows<T> {
    rows: Arc<Vec<T>>,
    /// What another thread writes of them, if one does.
    rest: Option<Arc<Rest>>,
}

/// The JSON of the last rows, as soon as it is there.
#[derive(Debug)]
struct Rest {
    from: usize,
    json: OnceLock<Vec<Box<RawValue>>>,
}

/// That there will be an answer: fewer than the rows where the thread did not come to its end.
struct Promise(Arc<Rest>);

impl Drop for Promise {
    fn drop(&mut self) {
        // Who waits for it waits for no thread that has gone.
        let _ = self.0.json.set(Vec::new());
    }
}

impl<T: Serialize + Send + Sync + 'static> Rows<T> {
    /// Has another thread write the rows from `from` on, on one line, so not for a person. `begin` hands it the work,
    /// and says whether there is such a thread.
    pub fn write_rest(
        &mut self,
        from: usize,
        begin: impl FnOnce(Box<dyn FnOnce() + Send>) -> bool,
    ) {
        let rest = Arc::new(Rest {
            from: from.min(self.rows.len()),
            json: OnceLock::new(),
        });
        let (rows, promise) = (Arc::clone(&self.rows), Promise(Arc::clone(&rest)));
        let begun = begin(Box::new(move || {
            let rows = rows[promise.0.from..].iter();
            let written = rows.map_while(|row| to_raw_value(row).ok());
            let _ = promise.0.json.set(written.collect());
        }));
        self.rest = begun.then_some(rest);
    }
}

impl<T> From<Vec<T>> for Rows<T> {
    fn from(rows: Vec<T>) -> Self {
        Rows {
            rows: Arc::new(rows),
            rest: None,
        }
    }
}

impl<T> Deref for Rows<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.rows
    }
}

impl<T: PartialEq> PartialEq for Rows<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<T: Eq> Eq for Rows<T> {}

impl<T: Serialize> Serialize for Rows<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(rest) = &self.rest else {
            return serializer.collect_seq(&*self.rows);
        };
        let (ours, others) = self.rows.split_at(rest.from);
        let mut all = serializer.serialize_seq(Some(self.rows.len()))?;
        for row in ours {
            all.serialize_element(row)?;
        }
        let written = rest.json.wait();
        if written.len() == others.len() {
            for row in written {
                all.serialize_element(row)?;
            }
        } else {
            for row in others {
                all.serialize_element(row)?;
            }
        }
        all.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::spawn;

    fn json(rows: &Rows<&'static str>) -> String {
        serde_json::to_string(rows).expect("texts are JSON")
    }

    #[test]
    fn rows_are_the_same_document_whoever_writes_them() {
        let all = r#"["a","\"b\n","c"]"#;
        let rows = Rows::from(vec!["a", "\"b\n", "c"]);
        assert_eq!(json(&rows), all);
        for from in [0, 2, 3, 9] {
            let mut rows = rows.clone();
            rows.write_rest(from, |work| {
                spawn(work);
                true
            });
            assert_eq!(json(&rows), all);
        }
    }

    #[test]
    fn what_nobody_wrote_is_written_all_the_same() {
        let mut rows = Rows::from(vec!["a", "b"]);
        rows.write_rest(1, |_| false);
        assert_eq!(json(&rows), r#"["a","b"]"#);
        // A thread that is gone before its turn.
        rows.write_rest(1, |work| {
            drop(work);
            true
        });
        assert_eq!(json(&rows), r#"["a","b"]"#);
    }
}
