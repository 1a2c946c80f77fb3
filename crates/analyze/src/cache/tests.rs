use super::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn answer(bytes: usize) -> Answer {
    Answer {
        rows: vec![7; bytes],
        notes: vec!["a note".to_owned()],
    }
}

fn key(name: &str) -> Key {
    Key::of_parts(&[name])
}

async fn opened(directory: &Path) -> Cache {
    Cache::open(directory).await.unwrap()
}

async fn is_there(cache: &mut Cache, name: &str, now_ms: i64) -> bool {
    cache.find(&key(name), now_ms).await.unwrap().is_some()
}

#[tokio::test]
async fn an_answer_is_found_again_until_it_is_too_old() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("a/b");
    let mut cache = opened(&below).await;
    assert_eq!(cache.find(&key("q"), 0).await.unwrap(), None);
    cache.keep(&key("q"), &answer(10), 0).await.unwrap();
    let mut again = opened(&below).await;
    assert_eq!(again.find(&key("q"), 1).await.unwrap(), Some(answer(10)));
    assert!(!is_there(&mut again, "other", 1).await);
    assert!(is_there(&mut again, "q", 30 * DAY_MS - 1).await);
    assert!(!is_there(&mut again, "q", 30 * DAY_MS + 1).await);
    again.keep(&key("q"), &answer(20), 5).await.unwrap();
    assert_eq!(cache.find(&key("q"), 6).await.unwrap(), Some(answer(20)));
}

#[tokio::test]
async fn those_that_nobody_has_used_for_longest_go_where_there_is_no_more_room() {
    let directory = tempfile::tempdir().unwrap();
    let mut cache = opened(directory.path()).await;
    cache.bytes_most = 1_000;
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        let now_ms = i64::try_from(number).unwrap() * DAY_MS;
        cache.keep(&key(name), &answer(300), now_ms).await.unwrap();
    }
    assert!(is_there(&mut cache, "a", 3 * DAY_MS).await);
    cache
        .keep(&key("d"), &answer(300), 4 * DAY_MS)
        .await
        .unwrap();
    for (name, expected) in [("a", true), ("b", false), ("c", true), ("d", true)] {
        assert_eq!(
            is_there(&mut cache, name, 5 * DAY_MS).await,
            expected,
            "{name}"
        );
    }
    // What is too old goes as well, whoever has used it.
    cache
        .keep(&key("e"), &answer(1), 31 * DAY_MS)
        .await
        .unwrap();
    let left = sqlx::query("SELECT count(*) FROM answers").fetch_one(&mut cache.database);
    assert_eq!(left.await.unwrap().get::<i64, _>(0), 3);
}

#[tokio::test]
async fn a_cache_that_somebody_holds_or_that_is_damaged_is_an_error_that_says_which() {
    let directory = tempfile::tempdir().unwrap();
    let mut holds = opened(directory.path()).await;
    let held = sqlx::query("BEGIN EXCLUSIVE").execute(&mut holds.database);
    held.await.unwrap();
    let mut cache = Cache::open(directory.path()).await;
    let failed = match &mut cache {
        Ok(cache) => cache.keep(&key("q"), &answer(1), 0).await,
        Err(error) => Err(anyhow::anyhow!("{error:#}")),
    };
    let said = format!("{:#}", failed.unwrap_err());
    assert!(said.contains(FILE) && said.contains("locked"), "{said}");
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join(FILE), vec![1; 10_000]).unwrap();
    let said = format!("{:#}", Cache::open(other.path()).await.err().unwrap());
    assert!(said.contains("not a database"), "{said}");
}
