//! Bootstrap data of several parts, and `--vendor-data`, as far as the plan.

mod lab;

use lab::Lab;

#[test]
fn vendor_data_completes_bootstrap_data_and_says_so_in_the_plan() {
    let lab = Lab::new();
    lab.file("user.yaml", "#cloud-config\nruncmd: [echo user]\n");
    lab.file(
        "vendor.yaml",
        "#cloud-config\nruncmd: [echo vendor]\nwrite_files: [{path: /etc/vendor}]\n",
    );
    let args = [
        "plan",
        "--bootstrap-data",
        "user.yaml",
        "--vendor-data",
        "vendor.yaml",
        "root@127.0.0.1",
    ];
    let plan = lab.run(&args).expect(0);
    assert!(plan.out.contains("write_files[0] of vendor.yaml"), "{plan:?}");
    assert!(
        plan.out.contains("echo user") && !plan.out.contains("echo vendor"),
        "{plan:?}"
    );
}

#[test]
fn scripts_and_commands_of_a_message_are_in_cloud_inits_order() {
    let lab = Lab::new();
    let part = |kind: &str, name: &str, text: &str| {
        format!("--b\nContent-Type: text/{kind}\nContent-Disposition: attachment; filename=\"{name}\"\n\n{text}\n")
    };
    let message = [
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n",
        &part("x-shellscript", "zz.sh", "#!/bin/sh\necho last"),
        &part("x-shellscript", "a.sh", "#!/bin/sh\necho first"),
        &part("cloud-config", "c.yaml", "#cloud-config\nruncmd: [echo middle]"),
        "--b--\n",
    ];
    lab.file("user-data", message.concat());
    let plan = lab
        .run(&["plan", "--bootstrap-data", "user-data", "root@127.0.0.1"])
        .expect(0);
    let steps = ["script[0] of a.sh", "runcmd[0] of c.yaml", "script[1] of zz.sh"];
    let places: Vec<_> = steps.iter().map(|step| plan.out.find(step)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{plan:?}");
}
