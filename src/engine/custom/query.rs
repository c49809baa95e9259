//! Progress asked of the user's Prometheus: one number, by an instant query.

use std::time::Duration;

use serde::Deserialize;

use crate::refusal::Refusal;

/// Who refuses.
const COMPONENT: &str = "progress.prometheus";
/// It is asked at every sampling interval, and nothing else goes on meanwhile.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// An answer of one number is far shorter; a longer one is not taken into memory.
const LONGEST_ANSWER: usize = 1 << 20;
/// Of an answer that cannot be read, in an error.
const SHOWN: usize = 200;

/// One query at one Prometheus.
#[derive(Debug)]
pub struct Query {
    query: String,
    url: String,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    error: Option<String>,
}

/// Of a number. A range or a text has another shape.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct Sample {
    value: (f64, String),
}

impl Query {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// Where there is no HTTP client.
    pub fn new(query: String, url: String) -> Result<Self, Refusal> {
        let built = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build();
        let http = built.map_err(|error| Refusal::new(COMPONENT, error.to_string()))?;
        Ok(Self { query, url, http })
    }

    /// The number; `None` where there is no such series yet.
    ///
    /// # Errors
    /// Where it does not answer, or not with one number.
    pub async fn ask(&self) -> Result<Option<f64>, Refusal> {
        let form = [("query", &self.query)];
        let sent = self.http.post(format!("{}/api/v1/query", self.url)).form(&form).send().await;
        let body = match sent {
            Ok(answer) => body(answer).await,
            Err(error) => Err(error),
        };
        match body {
            Ok(None) => Err(self.error("more than 1 MiB, which is no number")),
            Ok(Some(body)) => read(&body).map_err(|why| self.error(&why)),
            Err(error) => {
                let why = if error.is_timeout() { "within 2 s".to_owned() } else { format!("({error})") };
                Err(Refusal::new(COMPONENT, format!("{} did not answer {why}", self.url))
                    .accepting("the address of a Prometheus that runs, for example url: http://127.0.0.1:9090"))
            }
        }
    }

    /// An error about an answer.
    pub fn error(&self, answer: &str) -> Refusal {
        Refusal::new(COMPONENT, format!("query '{}' was answered by {} with {answer}", self.query, self.url))
            .accepting("a query of one number that only grows, for example 'sum(my_items_total)'")
    }
}

/// The answer's text; `None` where it is too long.
async fn body(mut answer: reqwest::Response) -> Result<Option<String>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            return Ok(None);
        }
    }
    Ok(Some(String::from_utf8_lossy(&body).into_owned()))
}

/// The number in an answer, or what it holds instead.
fn read(body: &str) -> Result<Option<f64>, String> {
    let shown = || body.chars().take(SHOWN).collect::<String>();
    let answer: Answer =
        serde_json::from_str(body).map_err(|_| format!("something that is no answer: {:?}", shown()))?;
    if let Some(error) = answer.error {
        return Err(format!("an error: {error}"));
    }
    let unreadable = || format!("something that is no answer: {:?}", shown());
    let Data { result_type, result } = answer.data.ok_or_else(unreadable)?;
    let text = match result_type.as_str() {
        "scalar" => serde_json::from_value::<(f64, String)>(result).map_err(|_| unreadable())?.1,
        "vector" => {
            let samples: Vec<Sample> = serde_json::from_value(result).map_err(|_| unreadable())?;
            match <[Sample; 1]>::try_from(samples) {
                Ok([sample]) => sample.value.1,
                Err(samples) if samples.is_empty() => return Ok(None),
                Err(samples) => return Err(format!("{} series", samples.len())),
            }
        }
        other => return Err(format!("a {other}, which is no number")),
    };
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(format!("{text:?}, which is no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One number is taken, none is no progress yet, and everything else is told as it came.
    #[test]
    fn answers() {
        let of = |data: &str| read(&format!("{{\"status\":\"success\",\"data\":{data}}}"));
        let sample = r#"{"metric":{},"value":[1.5,"42"]}"#;
        assert_eq!(of(&format!(r#"{{"resultType":"vector","result":[{sample}]}}"#)), Ok(Some(42.0)));
        assert_eq!(of(r#"{"resultType":"scalar","result":[1,"7"]}"#), Ok(Some(7.0)));
        assert_eq!(of(r#"{"resultType":"vector","result":[]}"#), Ok(None));
        let two = of(&format!(r#"{{"resultType":"vector","result":[{sample},{sample}]}}"#));
        assert_eq!(two, Err("2 series".to_owned()));
        assert!(of(r#"{"resultType":"scalar","result":[1,"NaN"]}"#).is_err());
        assert!(of(r#"{"resultType":"matrix","result":[]}"#).is_err());
        let refused = read(r#"{"status":"error","errorType":"bad_data","error":"parse error: unexpected end"}"#);
        assert_eq!(refused, Err("an error: parse error: unexpected end".to_owned()));
        assert!(read("<html>").unwrap_err().contains("<html>"));
    }
}
