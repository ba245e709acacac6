# frozen_string_literal: true

# The least that evaluating an app's choices can cost in Ruby: nothing is checked, nothing is kept.
# ruby bare_loop.rb APP_DIR CONTEXTS.jsonl

require 'erb'
require 'etc'
require 'json'
require 'ostruct'
require 'shellwords'
require 'yaml'

app, contexts = ARGV
read = ->(path) { ERB.new(File.read(path), trim_mode: '-') }
submit = read.("#{app}/submit.yml.erb")
templates = Dir["#{app}/template/**/*.erb"].sort.map(&read)
view = read.("#{app}/view.html.erb")
Staged = Struct.new(:context) { def scope = binding }
connection = OpenStruct.new(host: 'node0001', port: 8443, password: 'S3cretPassw0rd')

File.foreach(contexts) do |line|
  values = JSON.parse(line)
  struct = OpenStruct.new(values.merge('staged_root' => '/home/ada/output/id'))
  YAML.safe_load(submit.result(struct.instance_eval { binding }))
  staged = Staged.new(OpenStruct.new(values))
  templates.each { |template| template.result(staged.scope) }
  view.result(connection.instance_eval { binding })
end
