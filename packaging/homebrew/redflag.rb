# Filled by packaging/fill at a release, and attached to it: goes into a tap as Formula/redflag.rb.
class Redflag < Formula
  desc "Watches a deploy for half an hour and rolls it back with one key"
  homepage "https://github.com/@REPOSITORY@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/redflag-@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256 aarch64-apple-darwin@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/redflag-@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256 x86_64-apple-darwin@"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/redflag-@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 aarch64-unknown-linux-musl@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/redflag-@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 x86_64-unknown-linux-musl@"
    end
  end

  def install
    bin.install "redflag"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/redflag.bash" => "redflag"
    zsh_completion.install "completions/_redflag"
    fish_completion.install "completions/redflag.fish"
    pkgshare.install "config.example.toml"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/redflag --version")
    assert_match "[environments.", shell_output("#{bin}/redflag config example")
  end
end
