//! What is answered to a review: one object after the other, so that never more than one is in memory as anything but text, which
//! takes a twentieth of it.
//!
//! Source: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-request-and-response>

use std::fmt;

use crds::conversion::convert;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};

/// The API version of a review.
const API_VERSION: &str = "apiextensions.k8s.io/v1";

/// A review without the objects.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    api_version: String,
    kind: String,
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    uid: String,
    #[serde(rename = "desiredAPIVersion")]
    desired_api_version: String,
}

/// The answer to a request's body, a review as well; always one, also to what is none.
pub(super) fn answer(body: &[u8]) -> Vec<u8> {
    match review(body) {
        Ok(Request {
            uid,
            desired_api_version,
        }) => converted(body, &uid, &desired_api_version).unwrap_or_else(|reason| failure(&uid, &reason)),
        Err(reason) => failure("", &format!("not a ConversionReview: {reason}")),
    }
}

fn review(body: &[u8]) -> Result<Request, String> {
    let Review {
        api_version,
        kind,
        request,
    } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if (api_version.as_str(), kind.as_str()) != (API_VERSION, "ConversionReview") {
        return Err(format!("it is a {kind} of {api_version}"));
    }
    Ok(request)
}

/// The answer with all objects converted, in their order; the reason if one of them cannot be.
fn converted(body: &[u8], uid: &str, wanted: &str) -> Result<Vec<u8>, String> {
    let mut text = Vec::with_capacity(body.len().saturating_add(body.len() / 4));
    let head = format!(
        r#"{{"apiVersion":"{API_VERSION}","kind":"ConversionReview","response":{{"uid":{},"result":{{"status":"Success"}},"convertedObjects":["#,
        Value::from(uid)
    );
    text.extend_from_slice(head.as_bytes());
    let mut is_first = true;
    let mut reason = None;
    let each = Each(|object| {
        let name = name(&object);
        let object = convert(object, wanted).map_err(|error| reason.insert(format!("{name}: {error}")).clone())?;
        if !std::mem::take(&mut is_first) {
            text.push(b',');
        }
        serde_json::to_writer(&mut text, &object).map_err(|error| error.to_string())
    });
    let objects = At {
        key: "request",
        then: At {
            key: "objects",
            then: each,
        },
    };
    let read = objects.deserialize(&mut serde_json::Deserializer::from_slice(body));
    read.map_err(|error| reason.unwrap_or_else(|| format!("not a ConversionReview: {error}")))?;
    text.extend_from_slice(b"]}}");
    Ok(text)
}

/// By which an object is told from the others of a list.
fn name(object: &Value) -> String {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or("?");
    format!("{} {}/{}", text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

fn failure(uid: &str, message: &str) -> Vec<u8> {
    let result = json!({ "status": "Failure", "message": message });
    let response = json!({ "uid": uid, "result": result, "convertedObjects": [] });
    json!({ "apiVersion": API_VERSION, "kind": "ConversionReview", "response": response })
        .to_string()
        .into_bytes()
}

/// Reads what an object has under this key, and skips all else.
struct At<Then> {
    key: &'static str,
    then: Then,
}

impl<'de, Then: DeserializeSeed<'de, Value = ()>> DeserializeSeed<'de> for At<Then> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, Then: DeserializeSeed<'de, Value = ()>> Visitor<'de> for At<Then> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an object with {}", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut then = Some(self.then);
        while let Some(key) = map.next_key::<String>()? {
            if key != self.key {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(then) = then.take() {
                map.next_value_seed(then)?;
            } else {
                return Err(A::Error::custom(format!("there is more than one {key}")));
            }
        }
        if then.is_some() {
            return Err(A::Error::custom(format!("there is no {}", self.key)));
        }
        Ok(())
    }
}

/// Gives each value of a list to this, until that fails.
struct Each<Take>(Take);

impl<'de, Take: FnMut(Value) -> Result<(), String>> DeserializeSeed<'de> for Each<Take> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, Take: FnMut(Value) -> Result<(), String>> Visitor<'de> for Each<Take> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element()? {
            (self.0)(value).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
