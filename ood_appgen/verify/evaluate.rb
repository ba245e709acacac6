# frozen_string_literal: true

# Evaluates the ERB of interactive apps as Open OnDemand (OOD) does, without OOD.
#
# One JSON object a line on stdin, one a line on stdout, in the same order:
#
#   {"id": 1, "kind": "submit" | "template" | "view", "path": FILE and/or "text": TEXT,
#    "context": {NAME: VALUE}, "staged_root": DIR, "fmt": ADAPTER,
#    "user": ACCOUNT, "users": {NAME: ACCOUNT}}
#   {"id": 1, "ok": true, "text": TEXT, "data": {...}}       data: of kind submit alone
#   {"id": 1, "ok": false, "error": {"class", "message", "line"}, "text": TEXT}
#
# A whole app for one choice of a user, which is what verify asks for thousands of times:
#
#   {"id": 1, "kind": "app", "submit": FILE, "templates": [FILE], "view": FILE, "context", ...,
#    "connection": {NAME: VALUE}}
#   {"id": 1, "ok": true, "submit": ANSWER, "files": {FILE: ANSWER}}
#
# In these an ANSWER is {"data"} for the submit file, {"text"} or {"error"} for the others, or
# {"same": true} where the text is the one that was sent last for this file.
#
# ACCOUNT is {"name", "uid", "gid", "home"}, and if wanted "gecos", "shell" and
# "groups": [{"name", "gid"}]. With both path and text, text is evaluated and path
# only names it. An error's line is that of the template, if it is known; its text
# is there if the template was rendered and the YAML in it is what failed.
#
# Templates are arbitrary programs. What one of them changes in this process
# (environment, constants, global variables, standard streams) is put back before
# the next request; what it does to core classes, or outside the process, is not.

require 'date'
require 'digest'
require 'erb'
require 'etc'
require 'fileutils'
require 'json'
require 'open3'
require 'ostruct'
require 'pathname'
require 'securerandom'
require 'set'
require 'shellwords'
require 'time'
require 'tmpdir'
require 'uri'
require 'yaml'

# As Rails sets them; a template is read with these.
Encoding.default_external = Encoding::UTF_8
Encoding.default_internal = Encoding::UTF_8

# Where the bindings of templates are made. It holds no constant and its method no
# local, for templates see both; the constants they set land here.
module TemplateScope
  def self.maker
    proc { binding }
  end
end

# The protocol and the world that templates see.
module AppgenOracle
  # The request is not as the protocol says.
  class BadRequest < StandardError; end

  # The result holds something that the answer cannot.
  class NotJson < StandardError; end

  # What users and groups have in common: they are compared, and printed, by name.
  module Named
    include Comparable

    def <=>(other)
      name <=> other
    end

    def eql?(other)
      other.instance_of?(self.class) && self == other
    end

    def hash
      [self.class, name].hash
    end

    def to_s
      name
    end
  end

  # The people and groups of one request, and who is asking.
  class Accounts
    class << self
      # The accounts of the request under evaluation, or nil between requests.
      attr_accessor :current
    end

    attr_reader :user

    def initialize(user, users)
      @passwds = {}
      @groups = {}
      (users || {}).each do |name, account|
        raise BadRequest, "users: #{name} has the name #{account['name']}" if account['name'] != name

        add(account)
      end
      @user = user && add(user)
    end

    def login
      @user || raise(ArgumentError, 'the request names no user')
    end

    def named(name)
      @passwds[name] || raise(ArgumentError, "can't find user for #{name}")
    end

    def numbered(uid)
      @passwds.each_value.find { |passwd| passwd.uid == uid } ||
        raise(ArgumentError, "can't find user for #{uid}")
    end

    def group_named(name)
      @groups.each_value.find { |group| group.name == name } ||
        raise(ArgumentError, "can't find group for #{name}")
    end

    def group_numbered(gid)
      @groups[gid] || raise(ArgumentError, "can't find group for #{gid}")
    end

    # Group ids of a user, the primary one first, as `id -G` lists them.
    def gids_of(name)
      others = @groups.each_value.select { |group| group.mem.include?(name) }.map(&:gid)
      [named(name).gid, *others].uniq
    end

    private

    def add(account)
      name, uid, gid, home = %w[name uid gid home].map do |key|
        account.fetch(key) { raise BadRequest, "a user without #{key}: #{account.to_json}" }
      end
      groups = account['groups'] || [{ 'name' => name, 'gid' => gid }]
      groups.each do |group|
        @groups[group['gid']] ||= Etc::Group.new(group['name'], 'x', group['gid'], [])
        @groups[group['gid']].mem << name
      end
      @passwds[name] =
        Etc::Passwd.new(name, 'x', uid, gid, account['gecos'] || '', home, account['shell'] || '/bin/bash')
    end
  end

  # Who the process seems to be while a template runs.
  module EtcOfRequest
    def getlogin
      (accounts = Accounts.current) ? accounts.login.name : super
    end

    def getpwnam(name)
      (accounts = Accounts.current) ? accounts.named(String.try_convert(name) || super) : super
    end

    def getpwuid(uid = ::Process.uid)
      (accounts = Accounts.current) ? accounts.numbered(uid) : super
    end

    def getgrnam(name)
      (accounts = Accounts.current) ? accounts.group_named(String.try_convert(name) || super) : super
    end

    def getgrgid(gid = ::Process.gid)
      (accounts = Accounts.current) ? accounts.group_numbered(gid) : super
    end
  end
  Etc.singleton_class.prepend(EtcOfRequest)

  # Process.uid and its kin, of the user of the request.
  module ProcessOfRequest
    %i[uid euid].each do |name|
      define_method(name) { (accounts = Accounts.current) ? accounts.login.uid : super() }
    end
    %i[gid egid].each do |name|
      define_method(name) { (accounts = Accounts.current) ? accounts.login.gid : super() }
    end

    def groups
      (accounts = Accounts.current) ? accounts.gids_of(accounts.login.name) : super
    end
  end
  Process.singleton_class.prepend(ProcessOfRequest)

  # What would end this process, or start a second one that answers too, raises instead.
  module Guards
    def exit!(status = false) # rubocop:disable Style/OptionalBooleanParameter
      raise SystemExit.new(status, 'exit!')
    end

    %i[exec fork daemon].each do |name|
      define_method(name) do |*|
        raise NotImplementedError, "#{name} would take over the process that evaluates templates"
      end
    end
  end
  [Kernel, Process].each { |owner| owner.singleton_class.prepend(Guards) }
  (Guards.instance_methods - [:daemon]).each do |name|
    Kernel.define_method(name, Guards.instance_method(name))
    Kernel.send(:private, name)
  end
end

# Users and groups as OOD offers them to templates.
module OodSupport
  # A user: neither more nor less than the real one answers (there is no gid).
  class User
    include AppgenOracle::Named

    def initialize(user = Process.user)
      @passwd = user.is_a?(Integer) ? Etc.getpwuid(user) : Etc.getpwnam(user.to_s)
    end

    %i[name uid gecos dir shell].each { |name| define_method(name) { @passwd.public_send(name) } }
    alias id uid
    alias home dir

    def groups
      @groups ||= AppgenOracle::Accounts.current.gids_of(name).map { |gid| Group.new(gid) }
    end

    def group
      groups.first
    end

    def in_group?(group)
      groups.include?(Group.new(group))
    end
    alias member_of_group? in_group?
  end

  # A group, by its number or its name.
  class Group
    include AppgenOracle::Named

    attr_reader :id, :name

    def initialize(group = Process.group)
      entry = group.is_a?(Integer) ? Etc.getgrgid(group) : Etc.getgrnam(group.to_s)
      @id = entry.gid
      @name = entry.name
    end
  end

  # Who runs this process.
  module Process
    module_function

    def user
      User.new(::Process.uid)
    end

    def group
      Group.new(::Process.gid)
    end

    def groups
      ::Process.groups.map { |gid| Group.new(gid) }
    end

    def groups_changed?
      groups.sort != user.groups.sort
    end
  end
end

# The part of ActiveSupport that templates are likely to lean on.

class Object
  def blank?
    respond_to?(:empty?) ? !!empty? : !self
  end

  def present?
    !blank?
  end

  def presence
    present? ? self : nil
  end

  def as_json(options = nil)
    return to_hash.as_json(options) if respond_to?(:to_hash)

    instance_variables.to_h { |name| [name.to_s.delete_prefix('@'), instance_variable_get(name)] }.as_json(options)
  end
end

class String
  def blank?
    match?(/\A[[:space:]]*\z/)
  end
end

class Pathname
  def blank?
    to_s.empty?
  end
end

[NilClass, TrueClass, FalseClass, String, Numeric].each do |plain|
  plain.define_method(:as_json) { |_options = nil| self }
end
[Symbol, Pathname, Regexp, Range, Exception, IO, URI::Generic].each do |printed|
  printed.define_method(:as_json) { |_options = nil| to_s }
end
Float.define_method(:as_json) { |_options = nil| finite? ? self : nil }
Time.define_method(:as_json) { |_options = nil| xmlschema(3) }
Date.define_method(:as_json) { |_options = nil| strftime('%Y-%m-%d') }
DateTime.define_method(:as_json) { |_options = nil| xmlschema(3) }
Enumerable.define_method(:as_json) { |options = nil| to_a.as_json(options) }
Array.define_method(:as_json) { |options = nil| map { |item| item.as_json(options) } }
Struct.define_method(:as_json) { |options = nil| to_h.as_json(options) }
Hash.define_method(:as_json) do |options = nil|
  kept = self
  if options && (only = options[:only])
    kept = slice(*Array(only))
  elsif options && (except = options[:except])
    kept = self.except(*Array(except))
  end
  kept.to_h { |key, value| [key.to_s, value.as_json(options)] }
end

module AppgenOracle
  # to_json as Rails has it: what HTML could misread is escaped, and NaN is null.
  module RailsJson
    ESCAPES = {
      '<' => '\u003c', '>' => '\u003e', '&' => '\u0026', "\u2028" => '\u2028', "\u2029" => '\u2029'
    }.freeze

    def to_json(options = nil)
      return super if options.is_a?(::JSON::State)

      ::JSON.generate(as_json(options), max_nesting: 0).gsub(/[<>&\u2028\u2029]/, ESCAPES)
    end
  end
  [Enumerable, Object, Array, FalseClass, Float, Hash, Integer, NilClass, String, TrueClass].reverse_each do |owner|
    owner.prepend(RailsJson)
  end

  # One form field as an app's context lists it.
  Field = Struct.new(:id, :value) do
    def ==(other)
      id == other.to_s
    end
  end

  # What templates know as `context`. Being Enumerable, and a Rails model, it has
  # methods of its own, and a field of the same name is out of reach behind them.
  class Context
    include Enumerable

    # The methods of the model. There is no model here, so they can only refuse.
    MODEL = %w[
      app_specific_cache_setting assign_attributes compact_blank deep_dup errors exclude? excluding
      from_json html_safe? in? in_order_of include_root_in_json including index_by index_with
      instance_values instance_variable_names invalid? many? maximum minimum model_name persisted?
      pick pluck presence_in read_attribute_for_serialization read_attribute_for_validation
      read_bool run_callbacks serializable_hash slice sole to_key to_model to_openstruct to_param
      to_partial_path to_query try update_with_cache valid? validate validate!
      validates_absence_of validates_acceptance_of validates_confirmation_of
      validates_exclusion_of validates_format_of validates_inclusion_of validates_length_of
      validates_numericality_of validates_presence_of validates_size_of validates_with
      validation_context values_at with with_options without
    ].freeze
    MODEL.each do |name|
      define_method(name) do |*|
        raise NotImplementedError, "context.#{name} is a method of the Rails model, which is not here"
      end
    end

    def initialize(values)
      @fields = values.map { |id, value| Field.new(id, value) }
    end

    def each(&block)
      @fields.each(&block)
    end

    def [](id)
      @fields.find { |field| field == id }
    end

    def attributes
      @fields.to_h { |field| [field.id, nil] }
    end

    def to_h
      @fields.to_h { |field| [field.id.to_sym, field.value] }
    end

    # These two are fields unless they are given a block.
    %i[partition filter].each do |name|
      define_method(name) { |&block| block ? @fields.public_send(name, &block) : self[name].value }
    end

    def method_missing(name, *arguments)
      field = self[name.to_s.delete_suffix('=')]
      return super unless field

      name.end_with?('=') ? field.value = arguments.first : field.value
    end

    def respond_to_missing?(name, include_private = false)
      !self[name.to_s.delete_suffix('=')].nil? || super
    end

    def as_json(options = nil)
      to_h.as_json(options)
    end

    def inspect
      '#<BatchConnect::SessionContext>'
    end
  end

  # What templates know as `session`, while the job is being staged.
  class Session
    attr_reader :staged_root, :cluster_id, :job_id

    def initialize(staged_root, cluster_id)
      @staged_root = staged_root
      @cluster_id = cluster_id
    end

    def id
      staged_root.basename.to_s
    end

    {
      before_file: 'before.sh', script_file: 'script.sh', after_file: 'after.sh',
      clean_file: 'clean.sh', output_file: 'output.log', connect_file: 'connection.yml',
      user_defined_context_file: 'user_defined_context.json',
      job_script_content_file: 'job_script_content.sh',
      job_script_options_file: 'job_script_options.json'
    }.each { |name, file| define_method(name) { staged_root.join(file) } }

    def inspect
      '#<BatchConnect::Session>'
    end
  end

  # The object a staged file is rendered on.
  TemplateBinding = Struct.new(:session, :context)

  # Makes the binding that each kind of file is evaluated in. OOD's bindings hold
  # the local variables of the OOD code around them; a field of such a name cannot
  # be seen by the template, so they are set here too.
  module Scopes
    # Names of Object's methods that Rails adds; a form cannot use those either.
    RAILS_METHODS = %i[
      acts_like? class_eval deep_dup duplicable? html_safe? in? instance_values
      instance_variable_names presence_in require_dependency to_param to_query try try! with
      with_options
    ].freeze
    TAKEN = (OpenStruct.new.methods | RAILS_METHODS).freeze

    module_function

    def submit(request, context)
      values = context.to_h
      taken = TAKEN & values.keys
      raise ArgumentError, "form fields cannot have the names #{taken.join(', ')}" unless taken.empty?

      root = root_of(request)
      struct = OpenStruct.new(values.merge(staged_root: root))
      Scope.new(struct, session_context: context, fmt: request['fmt'], staged_root: root, hsh: {},
                        struct: struct, ctx_binding: nil, e: nil, yml: nil, bad_content: nil)
    end

    def template(request, context)
      Scope.new(TemplateBinding.new(session_of(request, context), context), {})
    end

    def view(request, context, text)
      connect = OpenStruct.new(request['context'] || {})
      Scope.new(connect, view: text, connect: connect, session: session_of(request, context),
                         local_assigns: {}, output_buffer: nil, e: nil)
    end

    def root_of(request)
      request['staged_root'] && Pathname.new(request['staged_root'])
    end

    def session_of(request, context)
      Session.new(root_of(request), context['cluster']&.value.to_s)
    end

  end

  # What a template is evaluated in: self, and the local variables that it sees.
  Scope = Struct.new(:receiver, :locals) do
    def binding_for_erb
      scope = receiver.instance_eval(&TemplateScope.maker)
      locals.each { |name, value| scope.local_variable_set(name, value) }
      scope.local_variable_set(:ctx_binding, scope) if locals.key?(:ctx_binding)
      scope
    end
  end

  # One template. ERB parses its source anew each time that it is asked for a result; here it is
  # parsed once, into a block with the scope's locals as parameters, where that makes no difference.
  class Template
    MAGIC = "#coding:UTF-8\n"
    # What a template may use that tells a block from the eval of a binding.
    TELLING = /\b(?:return|binding|ctx_binding|local_variables?|local_variable_\w+|eval|yield|__method__|caller\w*)\b/

    def initialize(name, text)
      @erb = ERB.new(text, trim_mode: '-')
      @erb.filename = name
      @name = name || '(erb)'
      @blocks = {}
    end

    def result(scope)
      names = scope.locals.keys
      block = @blocks.fetch(names) { @blocks[names] = compile(names) }
      return @erb.result(scope.binding_for_erb) unless block

      scope.receiver.instance_exec(*scope.locals.values, &block)
    end

    private

    def compile(names)
      source = @erb.src.dup.force_encoding(Encoding::UTF_8)
      return unless source.start_with?(MAGIC) && !source.match?(TELLING)

      RubyVM::InstructionSequence.compile(source) # a stray next or break is an error only here
      code = "proc do |#{names.join(', ')}|\n#{source.delete_prefix(MAGIC)}\nend"
      eval(code, TemplateScope.maker.call, @name, 0) # rubocop:disable Security/Eval
    rescue SyntaxError
      nil # ERB says it in its own words
    end
  end

  # Compiled templates, found by their name and text, so a changed file is a new one.
  class Templates
    LIMIT = 512

    def initialize
      @compiled = {}
    end

    def compiled(name, text)
      @compiled.fetch([name, text]) do |key|
        @compiled.shift if @compiled.size >= LIMIT
        @compiled[key] = Template.new(name, text)
      end
    end
  end

  # Refuses what JSON has no form for. Where Ruby would print something else in its
  # place (a key that is no string, say), the answer would be wrong, not just odd.
  module Carried
    DEPTH = 90

    module_function

    # The trail is the place of the value; it is made into words only for a refusal.
    def check(value, trail)
      case value
      when nil, true, false, Integer then nil
      when String then check_string(value, trail)
      when Float then refuse(value, trail) unless value.finite?
      when Array then value.each_with_index { |item, at| descend(item, at, trail) }
      when Hash
        value.each do |key, item|
          key.is_a?(String) ? check_string(key, trail) : refuse(key, trail, 'a key of ')
          descend(item, key, trail)
        end
      else refuse(value, trail)
      end
    end

    def descend(item, step, trail)
      trail.push(step)
      raise NotJson, "#{trail.first} is nested too deeply" if trail.size > DEPTH

      check(item, trail)
      trail.pop
    end

    def check_string(value, trail)
      return if value.valid_encoding? && [Encoding::UTF_8, Encoding::US_ASCII].include?(value.encoding)

      raise NotJson, "#{place(trail)} is a String that is not valid UTF-8, which JSON cannot carry"
    end

    def refuse(value, trail, part = '')
      raise NotJson, "#{part}#{place(trail)} is of class #{value.class} (#{value.inspect}), which JSON cannot carry"
    end

    def place(trail)
      first, *steps = trail
      steps.reduce(first) { |path, step| path + (step.is_a?(Integer) ? "[#{step}]" : ".#{step}") }
    end
  end

  # Answers requests, one after the other.
  class Evaluator
    KINDS = %w[submit template view].freeze
    ENVIRONMENT = ENV.to_h.except('USER', 'LOGNAME', 'HOME').freeze
    GLOBALS = global_variables.freeze
    STREAMS = [$stdin, $stdout, $stderr].freeze

    def initialize
      @templates = Templates.new
      @sent = {}
    end

    def answer(line)
      id = nil
      rendered = nil
      request = JSON.parse(line)
      raise BadRequest, 'a request is a JSON object' unless request.is_a?(Hash)

      id = request['id']
      return JSON.generate(id: id, ok: true, **evaluate_app(request)) if request['kind'] == 'app'

      evaluated = evaluate(request) { |text| rendered = text }
      JSON.generate({ id: id, ok: true }.merge(evaluated))
    rescue Exception => e # a template can raise anything, and none of it may end this process
      failure(id, e, request, rendered)
    end

    private

    def evaluate(request)
      kind = request['kind']
      raise BadRequest, "kind is one of #{KINDS.join(', ')}, not #{kind.inspect}" unless KINDS.include?(kind)
      raise BadRequest, 'neither path nor text' unless request['path'] || request['text']

      evaluate_text(request, as_user(request) { render(kind, request) }) { |text| yield text }
    end

    def evaluate_text(request, text)
      kind = request['kind']
      Carried.check(text, ['the text'])
      yield text
      return { text: text } unless kind == 'submit'

      data = YAML.safe_load(text).to_h
      Carried.check(data, ['submit'])
      { text: text, data: data }
    end

    # A file that fails says so in its own place; the others are still evaluated.
    def evaluate_app(request)
      as_user(request) { evaluate_files(request) }
    end

    def evaluate_files(request)
      submit = request['submit'] && attempt(request.merge('kind' => 'submit', 'path' => request['submit']))
      files = (request['templates'] || []).to_h do |path|
        [path, attempt(request.merge('kind' => 'template', 'path' => path))]
      end
      if (view = request['view'])
        asked = request.merge('kind' => 'view', 'path' => view, 'context' => request['connection'] || {})
        files[view] = attempt(asked)
      end
      { submit: submit, files: files }
    end

    def attempt(request)
      evaluated = evaluate_text(request, render(request['kind'], request)) { |_text| nil }
      return { data: evaluated[:data] } if request['kind'] == 'submit'

      path = request['path']
      return { same: true } if @sent[path] == evaluated[:text]

      @sent[path] = evaluated[:text]
    rescue Exception => e # as in answer
      { error: describe(e, request) }
    else
      { text: evaluated[:text] }
    end

    def render(kind, request)
      text = request['text'] || File.read(request['path'])
      return text if kind == 'submit' && request['path'] && File.extname(request['path']) != '.erb'

      context = Context.new(request['context'] || {})
      scope = kind == 'view' ? Scopes.view(request, context, text) : Scopes.public_send(kind, request, context)
      @templates.compiled(name_of(request), text).result(scope).to_s
    end

    # OOD names a submit file to Ruby (as __FILE__, and in messages), and no other.
    def name_of(request)
      request['path'] || 'submit.yml.erb' if request['kind'] == 'submit'
    end

    def as_user(request)
      Accounts.current = Accounts.new(request['user'], request['users'])
      user = Accounts.current.user
      own = user ? { 'USER' => user.name, 'LOGNAME' => user.name, 'HOME' => user.dir } : {}
      ENV.replace(ENVIRONMENT.merge(own))
      yield
    ensure
      Accounts.current = nil
      tidy
    end

    def tidy
      ENV.replace(ENVIRONMENT)
      TemplateScope.constants(false).each { |name| TemplateScope.send(:remove_const, name) }
      (global_variables - GLOBALS).each { |name| forget(name) }
      $stdin, $stdout, $stderr = STREAMS
      $/ = "\n"
      $, = $; = nil
      $VERBOSE = false
    end

    def forget(name)
      eval("#{name} = nil", binding, __FILE__, __LINE__)
    rescue NameError, TypeError # one that cannot be set, such as an alias of $?
      nil
    end

    def failure(id, error, request, rendered)
      answer = { id: id, ok: false, error: describe(error, request) }
      answer[:text] = rendered if rendered
      JSON.generate(answer)
    end

    def describe(error, request)
      name = error.class.name.to_s.delete_prefix('AppgenOracle::')
      { class: name, message: message_of(error), line: line_of(error, request) }
    end

    def message_of(error)
      message = error.message.to_s.encode('UTF-8', invalid: :replace, undef: :replace).scrub
      # One message each time: no addresses of objects, and no name that only exists here.
      message.gsub(/0x\h{16}/, '0x').gsub('TemplateScope::', '')
    rescue Exception => e # a template's own exception class can fail here
      "no message: #{e.class}"
    end

    def line_of(error, request)
      file = (request.is_a?(Hash) && name_of(request)) || '(erb)'
      at = error.backtrace_locations&.find { |location| location.path == file }&.lineno
      at ||= error.message[/^#{Regexp.escape(file)}:(\d+):/, 1]&.to_i if error.is_a?(SyntaxError)
      at
    rescue Exception # as above
      nil
    end
  end

  # Keeps the protocol's two streams to itself: a template that reads gets nothing,
  # and what it prints, or has a child print, goes to stderr.
  def self.serve
    requests = $stdin.dup
    answers = $stdout.dup
    answers.sync = true
    $stdin.reopen(File::NULL)
    $stdout.reopen($stderr)
    %w[INT TERM].each { |signal| trap(signal, 'SYSTEM_DEFAULT') }
    evaluator = Evaluator.new
    own = Process.pid
    while (line = requests.gets("\n"))
      answer = evaluator.answer(line)
      Process.kill('KILL', Process.pid) if Process.pid != own # the child of an IO.popen('-')
      answers.write(answer, "\n")
    end
  rescue Errno::EPIPE
    nil
  end
end

AppgenOracle.serve if $PROGRAM_NAME == __FILE__
