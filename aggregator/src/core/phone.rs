//! Phone numbers: any usual spelling to E.164. Pure.

/// Brings a number to E.164 (`+628123456789`). `country_code` (digits) completes national spellings. `None` if
/// it is no phone number.
pub(super) fn e164(text: &str, country_code: &str) -> Option<String> {
    let text = text.trim();
    let spelled = text
        .chars()
        .all(|c| c.is_ascii_digit() || " -.()/+\u{a0}".contains(c));
    let plus = text.starts_with('+');
    if !spelled || text.chars().filter(|c| *c == '+').count() > usize::from(plus) {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let international = if plus {
        digits
    } else if let Some(rest) = digits.strip_prefix("00") {
        rest.to_owned()
    } else if let Some(rest) = digits.strip_prefix('0') {
        format!("{country_code}{rest}")
    } else if digits.starts_with(country_code) && digits.len() > country_code.len() + 7 {
        digits
    } else {
        format!("{country_code}{digits}")
    };
    // "+62 (0)812": the trunk prefix does not belong behind the country code.
    let international = match international
        .strip_prefix(country_code)
        .and_then(|rest| rest.strip_prefix('0'))
    {
        Some(rest) if !country_code.is_empty() => format!("{country_code}{rest}"),
        _ => international,
    };
    // E.164: at most 15 digits, none of the country codes begins with 0; below 8 it is a short number.
    let valid = (8..=15).contains(&international.len()) && !international.starts_with('0');
    valid.then(|| format!("+{international}"))
}

#[cfg(test)]
mod tests {
    use super::e164;

    #[test]
    fn any_usual_spelling() {
        for text in [
            "+628123456789",
            "08123456789",
            "0812-3456-789",
            "0812 3456 789",
            "(0812) 345.6789",
            "62 812 3456 789",
            "8123456789",
            "0062 8123456789",
            "+62 (0)812 3456 789",
        ] {
            assert_eq!(e164(text, "62").as_deref(), Some("+628123456789"), "{text}");
        }
        assert_eq!(e164("+49 171 2345678", "62").as_deref(), Some("+491712345678"));
        assert_eq!(e164("+1 (202) 555-0143", "62").as_deref(), Some("+12025550143"));
        for text in [
            "",
            "abc",
            "0812 34",
            "+62812345678901234",
            "0812+3456789",
            "+0812345678",
            "08123456789 ext 4",
        ] {
            assert_eq!(e164(text, "62"), None, "{text}");
        }
    }
}
