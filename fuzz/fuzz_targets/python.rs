//! Python that is meant to be a migration. A table that is dropped first is never harmless, whatever follows; and no
//! file at all is read for longer than libFuzzer's patience.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redflag::rollback::CheckOutcome;
use redflag::rollback::migrations::{Change, Files, InCluster, Migration, Shipped, checks};
use redflag_fuzz::{hold_text, know_the_token};

fn worst(path: &str, text: &str) -> CheckOutcome {
    let migration = Migration { path: path.to_owned(), change: Change::Added, text: Some(text.to_owned()) };
    let files = Files::Read { between: String::new(), migrations: vec![migration], patterns: Vec::new() };
    let shipped = Shipped { from: "2".to_owned(), to: "1".to_owned(), cluster: InCluster::default(), files };
    let checks = checks(&shipped);
    checks.iter().for_each(|check| hold_text("a check", &check.sentence));
    checks.iter().map(|check| check.outcome).max().unwrap_or(CheckOutcome::Ok)
}

fuzz_target!(|data: &[u8]| {
    know_the_token();
    let text = String::from_utf8_lossy(data);
    worst("migrations/versions/1.py", &text);
    worst("shop/migrations/0002_carts.py", &text);
    // Further operations of the same list: what would end the list could do anything with it.
    if !text.contains([']', '\n', '\r']) {
        let django = format!(
            "from django.db import migrations\n\nclass Migration(migrations.Migration):\n    operations = \
             [migrations.DeleteModel('Cart'), {text}]\n"
        );
        assert!(worst("shop/migrations/0002_carts.py", &django) > CheckOutcome::Ok, "{django}");
        let alembic = format!("from alembic import op\n\ndef upgrade():\n    op.drop_table('carts'); {text}\n");
        assert!(worst("migrations/versions/1.py", &alembic) > CheckOutcome::Ok, "{alembic}");
    }
});
