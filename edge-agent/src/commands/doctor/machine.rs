//! What `doctor` looks at on the machine itself: disk, clock, temperature.

use std::path::Path;

use chrono::TimeDelta;

/// A device with less free space than this cannot keep sightings through a long outage.
const LEAST_FREE_MB: u64 = 300;
/// The aggregator sets sightings aside that are two minutes ahead; long before, times look odd to people.
const CLOCK_OFF: TimeDelta = TimeDelta::seconds(5);
/// From this on processors slow themselves down (a Raspberry Pi from 80 °C).
const HOT: f32 = 80.0;

/// Asks `df`, which every device has, because the standard library does not know.
pub(super) fn check_disk(data: &Path) -> Result<String, String> {
    let output = std::process::Command::new("df")
        .args(["-Pm", "--"])
        .arg(data)
        .output();
    let free = output
        .ok()
        .filter(|o| o.status.success())
        .and_then(|o| free_mb(&String::from_utf8_lossy(&o.stdout)));
    match free {
        None => Ok("free space unknown (`df` gave no answer)".into()),
        Some(free) if free < LEAST_FREE_MB => Err(format!(
            "only {free} MB are free in {}: free at least {LEAST_FREE_MB} MB",
            data.display()
        )),
        Some(free) => Ok(format!("{free} MB free")),
    }
}

/// The fourth column of the last line of `df -P`.
fn free_mb(df: &str) -> Option<u64> {
    df.lines().last()?.split_whitespace().nth(3)?.parse().ok()
}

/// `offset`: this clock minus the aggregator's, to about a second, if it is known.
pub(super) fn check_clock(offset: Option<TimeDelta>) -> Result<String, String> {
    match offset {
        None => Ok("not compared: the aggregator did not say what time it has".into()),
        Some(offset) if offset.abs() > CLOCK_OFF => Err(format!(
            "{} s {} the aggregator's: switch time synchronisation on (sudo timedatectl set-ntp true) on both",
            offset.num_seconds().abs(),
            if offset > TimeDelta::zero() {
                "ahead of"
            } else {
                "behind"
            }
        )),
        Some(_) => Ok("agrees with the aggregator's".into()),
    }
}

/// Of the processor; and on a Raspberry Pi whether it was slowed down or had too little power.
pub(super) fn check_temperature() -> Result<String, String> {
    let zones = std::fs::read_dir("/sys/class/thermal")
        .into_iter()
        .flatten()
        .flatten();
    let degrees = zones
        .filter_map(|zone| std::fs::read_to_string(zone.path().join("temp")).ok())
        .filter_map(|text| celsius(&text));
    let hottest = degrees.fold(None, |most: Option<f32>, degrees| {
        Some(most.map_or(degrees, |m| m.max(degrees)))
    });
    // Only a Raspberry Pi has it; elsewhere there is nothing to be told.
    let throttled = std::process::Command::new("vcgencmd")
        .arg("get_throttled")
        .output();
    let throttled = throttled
        .ok()
        .and_then(|output| throttled_bits(&String::from_utf8_lossy(&output.stdout)));
    judge(hottest, throttled)
}

fn judge(hottest: Option<f32>, throttled: Option<u32>) -> Result<String, String> {
    // Bits as the documentation of `vcgencmd get_throttled` has them: now, and since the start.
    let bit = |n: u32| throttled.is_some_and(|bits| bits & (1 << n) != 0);
    if bit(0) || bit(16) {
        return Err(
            "the power supply is too weak: use the one made for this device, and a short cable".into(),
        );
    }
    let measured = hottest.map_or("temperature unknown".to_owned(), |degrees| {
        format!("{degrees:.0} °C")
    });
    if bit(1) || bit(2) || bit(3) || hottest.is_some_and(|degrees| degrees >= HOT) {
        return Err(format!(
            "{measured}, the processor is slowed down: give it a heat sink, a fan, or shade"
        ));
    }
    if bit(17) || bit(18) || bit(19) {
        return Err(format!(
            "{measured} now, but it was slowed down by heat since it started: give it a heat sink, a fan, or shade"
        ));
    }
    Ok(measured)
}

/// `"48312"`: thousandths of a degree.
fn celsius(text: &str) -> Option<f32> {
    let degrees = text.trim().parse::<f32>().ok()? / 1000.0;
    // Sensors that are not connected tell nonsense.
    (-40.0..=150.0).contains(&degrees).then_some(degrees)
}

/// `"throttled=0x50005"`.
fn throttled_bits(text: &str) -> Option<u32> {
    let hex = text.trim().strip_prefix("throttled=0x")?;
    u32::from_str_radix(hex, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_read_from_df() {
        let df =
            "Filesystem 1048576-blocks Used Available Capacity Mounted on\n/dev/root 1000 200 800 20% /\n";
        assert_eq!(free_mb(df), Some(800));
        assert_eq!(free_mb(""), None);
    }

    #[test]
    fn clocks_are_compared() {
        assert!(check_clock(None).is_ok());
        assert!(check_clock(Some(TimeDelta::seconds(-4))).is_ok());
        let behind = check_clock(Some(TimeDelta::seconds(-90))).expect_err("off");
        assert!(
            behind.starts_with("90 s behind") && behind.contains("set-ntp"),
            "{behind}"
        );
    }

    #[test]
    fn heat_and_weak_power_are_told_with_their_mend() {
        assert_eq!(celsius("48312\n"), Some(48.312));
        assert_eq!(celsius("-274000"), None);
        assert_eq!(throttled_bits("throttled=0x50005\n"), Some(0x50005));
        assert_eq!(throttled_bits("error"), None);
        for (hottest, throttled, expected) in [
            (None, None, Ok("temperature unknown")),
            (Some(48.0), Some(0), Ok("48 °C")),
            (Some(85.0), None, Err("heat sink")),
            (Some(60.0), Some(0x50000), Err("power supply")),
            (Some(60.0), Some(0x4), Err("slowed down: give")),
            (Some(60.0), Some(0x4_0000), Err("since it started")),
        ] {
            match (judge(hottest, throttled), expected) {
                (Ok(said), Ok(part)) | (Err(said), Err(part)) => assert!(said.contains(part), "{said}"),
                (found, expected) => panic!("{found:?} instead of {expected:?}"),
            }
        }
    }
}
