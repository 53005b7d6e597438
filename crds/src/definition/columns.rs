//! Columns of `kubectl get`, and those that several kinds have.

/// A column of `kubectl get`.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// Where its value is in the object.
    pub path: &'static str,
    /// `string`, `integer`, `boolean` or `date`.
    pub kind: &'static str,
    /// 0 is always shown; greater ones with `-o wide` only.
    pub priority: i32,
    /// What `kubectl` cannot show, but who reads the definition can see.
    pub description: &'static str,
}

impl Column {
    /// A column that is always shown.
    pub const fn new(name: &'static str, path: &'static str, kind: &'static str, description: &'static str) -> Self {
        Self {
            name,
            path,
            kind,
            priority: 0,
            description,
        }
    }

    /// The same, with `-o wide` only.
    pub const fn wide(self) -> Self {
        Self { priority: 10, ..self }
    }
}

/// Since when the object is there.
pub const AGE: Column = Column::new(
    "Age",
    ".metadata.creationTimestamp",
    "date",
    "Time since the object was created",
);

/// Which Cluster of Cluster API the object belongs to.
pub const CLUSTER: Column = Column::new(
    "Cluster",
    ".metadata.labels['cluster\\.x-k8s\\.io/cluster-name']",
    "string",
    "The Cluster that it is of",
);

/// Why the condition `Ready` is what it is.
pub const READY_REASON: Column = reason(".status.conditions[?(@.type==\"Ready\")].reason");
/// Since when it is.
pub const READY_SINCE: Column = since(".status.conditions[?(@.type==\"Ready\")].lastTransitionTime");
/// Why the condition `Available` is what it is.
pub const AVAILABLE_REASON: Column = reason(".status.conditions[?(@.type==\"Available\")].reason");
/// Since when it is.
pub const AVAILABLE_SINCE: Column = since(".status.conditions[?(@.type==\"Available\")].lastTransitionTime");

/// The reason of a condition.
pub const fn reason(path: &'static str) -> Column {
    Column::new("Reason", path, "string", "What is being waited for, or went wrong")
}

/// The time of a condition.
pub const fn since(path: &'static str) -> Column {
    Column::new("Since", path, "date", "Time since that is so")
}
