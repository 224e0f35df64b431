//! The `Date` header's value.

/// `unix_seconds` as an IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7).
/// Seconds after the year 9999 give its last second, the latest that the format can say.
pub fn http_date(unix_seconds: u64) -> [u8; 29] {
    let seconds = unix_seconds.min(LAST_SECOND);
    let days = seconds / 86_400;
    let time = seconds % 86_400;
    let (year, month, day) = civil(days);

    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    text[..3].copy_from_slice(WEEKDAYS[(days % 7) as usize]);
    digits(&mut text[5..7], day);
    text[8..11].copy_from_slice(MONTHS[month as usize - 1]);
    digits(&mut text[12..16], year);
    digits(&mut text[17..19], time / 3600);
    digits(&mut text[20..22], time / 60 % 60);
    digits(&mut text[23..25], time % 60);
    text
}

const LAST_SECOND: u64 = 253_402_300_799;
/// From Thursday, the first day of 1970.
const WEEKDAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Year, month and day of the Gregorian calendar. Counting years from the first of March puts the
/// leap day last, so that a day's month follows from one division.
fn civil(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + 719_468; // since 0000-03-01
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::{LAST_SECOND, http_date};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn agrees_with_the_httpdate_crate_through_ten_thousand_years() {
        let mut seconds = 0;
        while seconds <= LAST_SECOND {
            let expected = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(http_date(seconds), expected.as_bytes(), "{seconds}");
            seconds += 86_400 * 13 + 3_601;
        }
    }

    #[test]
    fn knows_leap_days_and_the_ends_of_the_range() {
        assert_eq!(&http_date(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(&http_date(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&http_date(951_782_400), b"Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(&http_date(u64::MAX), b"Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
