//! A long list of a document, of which several threads can write parts.

use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use std::ops::Deref;

/// Rows, and what they are in JSON where that was written in advance.
#[derive(Debug, Clone)]
pub struct Rows<T> {
    rows: Vec<T>,
    /// One for each of `rows`, or fewer: then they are not used.
    json: Vec<Box<RawValue>>,
}

impl<T: Serialize> Rows<T> {
    /// With their JSON written now: on one line, so not for a person.
    pub fn written(mut self) -> Self {
        let json = self.rows.iter().map_while(|row| to_raw_value(row).ok());
        self.json = json.collect();
        self
    }

    /// The first `count` of them and the rest; not written yet.
    pub fn split_at(mut self, count: usize) -> (Self, Self) {
        let rest = self.rows.split_off(count.min(self.rows.len()));
        (self.rows.into(), rest.into())
    }

    /// These, and then those.
    pub fn followed_by(mut self, others: Rows<T>) -> Self {
        self.rows.extend(others.rows);
        self.json.extend(others.json);
        self
    }
}

impl<T> From<Vec<T>> for Rows<T> {
    fn from(rows: Vec<T>) -> Self {
        Rows {
            rows,
            json: Vec::new(),
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
        if self.json.len() == self.rows.len() {
            serializer.collect_seq(&self.json)
        } else {
            serializer.collect_seq(&self.rows)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(rows: &Rows<&str>) -> String {
        serde_json::to_string(rows).expect("texts are JSON")
    }

    #[test]
    fn rows_are_the_same_document_however_they_were_written() {
        let rows = Rows::from(vec!["a", "\"b\n", "c"]);
        let all = r#"["a","\"b\n","c"]"#;
        assert_eq!(json(&rows), all);
        let (front, back) = rows.split_at(2);
        let front = front.written();
        // Where one part was not written in advance, none of it counts.
        assert_eq!(json(&front.clone().followed_by(back.clone())), all);
        assert_eq!(json(&front.followed_by(back.written())), all);
    }
}
