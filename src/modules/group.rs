//! Groups: a package with everything below it.

/// Whether a module is the group's package or below it. `group` may end with the dot.
pub fn is_member(name: &str, group: &str) -> bool {
    let group = group.strip_suffix('.').unwrap_or(group);
    name.strip_prefix(group)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::is_member;

    #[test]
    fn a_group_is_a_name_or_what_is_below_it() {
        assert!(is_member("shop", "shop"));
        assert!(is_member("shop.tax", "shop."));
        assert!(!is_member("shopping", "shop"));
    }
}
