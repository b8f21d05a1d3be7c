(function () {
  "use strict";
  var body = document.body, limits = { bytes: +body.dataset.fileBytes, jobs: +body.dataset.jobs };
  var cards = new Map(), said = new Map(), ended = false, missed = 0, timer = 0, sending = [], busy = false;

  function id(name) { return document.getElementById(name); }

  // All text goes in as text: a hostile name stays a name.
  function make(tag, attributes, content) {
    var element = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (key) {
      if (key === "class") { element.className = attributes[key]; } else { element.setAttribute(key, attributes[key]); }
    });
    [].concat(content === undefined ? [] : content).forEach(function (part) {
      element.append(part);
    });
    return element;
  }
  function button(text, action, kind) {
    var element = make("button", { type: "button", "class": kind || "" }, text);
    element.addEventListener("click", action);
    return element;
  }
  function link(text, address, more) {
    return make("a", Object.assign({ href: address, "class": "button" }, more || {}), text);
  }
  function tell(text) { id("live").textContent = text; }
  function banner(text) { id("banner").textContent = text; id("banner").hidden = !text; }

  function ask(method, address, content) {
    return fetch(address, { method: method, body: content, credentials: "omit", cache: "no-store" }).then(function (answer) {
      if (answer.status === 204) { return {}; }
      return answer.json().then(function (values) {
        if (!answer.ok) { throw new Error(values.error || "It was refused."); }
        return values;
      });
    });
  }
  function post(address, values) { return ask("POST", address, JSON.stringify(values || {})); }

  // Refusals, each a line that can be taken away.
  function refuse(name, reason) {
    var line = make("li", {}, make("span", {}, [make("bdi", {}, name), name ? ": " : "", reason]));
    line.append(button("Dismiss", function () { line.remove(); }, "plain"));
    id("refusals").append(line);
  }

  // Tabs: arrow keys move between them.
  var tabs = [id("tab-pictures"), id("tab-folder")];
  function open(tab) {
    tabs.forEach(function (other) {
      var here = other === tab;
      other.setAttribute("aria-selected", String(here));
      other.tabIndex = here ? 0 : -1;
      id(other.getAttribute("aria-controls")).hidden = !here;
    });
  }
  tabs.forEach(function (tab, index) {
    tab.addEventListener("click", function () { open(tab); });
    tab.addEventListener("keydown", function (event) {
      var step = { ArrowRight: 1, ArrowLeft: tabs.length - 1 }[event.key];
      var next = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : step && (index + step) % tabs.length;
      if (next === undefined) { return; }
      event.preventDefault();
      open(tabs[next]);
      tabs[next].focus();
    });
  });

  // Pictures: dropped, chosen or pasted; sent one after the other.
  function take(files) {
    if (ended) { return; }
    var mode = document.querySelector("input[name=mode]:checked").value;
    var room = Math.max(0, limits.jobs - cards.size - sending.length);
    if (files.length > room) {
      refuse("", "The list holds " + limits.jobs + " entries: " + (files.length - room) + " of " + files.length + " pictures were not added. Remove some first.");
    }
    Array.from(files).slice(0, room).forEach(function (file) {
      if (file.size > limits.bytes) {
        refuse(file.name, "larger than " + body.dataset.fileSize + ".");
      } else if (!file.size) {
        refuse(file.name, "the file is empty, or a folder. For folders there is the tab “A folder”.");
      } else {
        sending.push({ file: file, mode: mode });
      }
    });
    send();
  }
  function send() {
    if (busy || !sending.length) { return; }
    busy = true;
    var next = sending.shift();
    tell("Adding " + next.file.name);
    ask("POST", "pictures?mode=" + next.mode + "&name=" + encodeURIComponent(next.file.name.toWellFormed ? next.file.name.toWellFormed() : next.file.name), next.file)
      .catch(function (error) {
        refuse(next.file.name, error instanceof TypeError ? "it could not be read or sent." : error.message);
      })
      .then(function () { busy = false; look(); send(); });
  }
  id("choose").addEventListener("click", function () { id("files").click(); });
  id("files").addEventListener("change", function (event) { take(event.target.files); event.target.value = ""; });
  var depth = 0;
  function carries(event) { return event.dataTransfer && Array.from(event.dataTransfer.types).indexOf("Files") >= 0; }
  document.addEventListener("dragenter", function (event) { if (carries(event)) { depth += 1; id("drop").classList.add("over"); } });
  document.addEventListener("dragleave", function (event) { if (carries(event) && (depth -= 1) <= 0) { depth = 0; id("drop").classList.remove("over"); } });
  // Dropped anywhere, a picture is taken: the browser would open it in place of the page.
  document.addEventListener("dragover", function (event) { if (carries(event)) { event.preventDefault(); } });
  document.addEventListener("drop", function (event) {
    if (!carries(event)) { return; }
    event.preventDefault();
    depth = 0;
    id("drop").classList.remove("over");
    open(tabs[0]);
    take(event.dataTransfer.files);
  });
  document.addEventListener("paste", function (event) {
    var files = event.clipboardData ? event.clipboardData.files : [];
    if (files.length) { event.preventDefault(); open(tabs[0]); take(files); }
  });

  // A folder: looked at while its path is typed.
  var pause = 0;
  function answer(text, wrong) {
    id("path-said").textContent = text;
    id("path-said").classList.toggle("wrong", wrong);
    id("path").setAttribute("aria-invalid", String(wrong));
  }
  id("path").addEventListener("input", function () {
    clearTimeout(pause);
    var path = id("path").value;
    if (!path.trim()) { answer("", false); return; }
    pause = setTimeout(function () {
      post("folders/check", { path: path }).then(
        function (values) { if (id("path").value === path) { answer(values.text, false); } },
        function (error) { if (id("path").value === path) { answer(error.message, true); } });
    }, 400);
  });
  id("folder-form").addEventListener("submit", function (event) {
    event.preventDefault();
    clearTimeout(pause);
    post("folders", { path: id("path").value, limit: id("limit").value }).then(
      function () { id("path").value = ""; answer("", false); look(); },
      function (error) { answer(error.message, true); id("path").focus(); });
  });

  // The list.
  function act(work) {
    return function (event) {
      var pressed = event.currentTarget;
      // Not disabled: that would take the focus away from somebody who uses the keyboard.
      if (pressed.getAttribute("aria-disabled")) { return; }
      pressed.setAttribute("aria-disabled", "true");
      work().catch(function (error) { refuse("", error.message); open(tabs[0]); }).then(function () { pressed.removeAttribute("aria-disabled"); look(); });
    };
  }
  function card(job) {
    var parts = { head: "", outcome: "" };
    parts.name = make("h3", {}, make("bdi", {}, job.name));
    parts.remove = button("Remove", act(function () { return ask("DELETE", "jobs/" + job.key); }), "plain");
    parts.status = make("p", { "class": "status" });
    parts.progress = make("progress", { "aria-label": "Progress of " + job.name });
    parts.outcomeBox = make("div", { "class": "outcome" });
    parts.item = make("li", { "class": "job " + job.kind, "data-key": job.key });
    if (job.kind === "image") {
      parts.picture = make("div", { "class": "picture", "aria-hidden": "true" }, "");
      parts.item.append(parts.picture);
    }
    parts.item.append(make("header", {}, [parts.name, parts.remove]), make("div", {}, [parts.status, parts.progress]), parts.outcomeBox);
    id(job.kind === "image" ? "picture-jobs" : "folder-jobs").append(parts.item);
    return parts;
  }
  function status(job, ready) {
    if (job.state === "waiting") {
      return job.before ? "Waiting: " + job.before + (job.before === 1 ? " entry" : " entries") + " before it" : "Begins in a moment";
    }
    if (job.state === "working") { return (job.stage || "Beginning") + " …"; }
    if (job.state === "done") {
      var time = job.seconds < 1 ? "less than a second" : job.seconds === 1 ? "1 second" : job.seconds + " seconds";
      return (job.kind === "folder" ? "Checked" : job.mode === "quick" ? "Quick examination" : "Whole examination") + " in " + time;
    }
    return "";
  }
  function update(job, ready) {
    var parts = cards.get(job.key);
    if (!parts) { parts = card(job); cards.set(job.key, parts); }
    parts.status.textContent = !ready && job.state !== "failed" ? "Getting ready: the program is loading …" : status(job);
    parts.status.hidden = !parts.status.textContent;
    var under = job.state === "waiting" || job.state === "working";
    parts.progress.hidden = !under;
    if (job.state === "working" && job.steps) { parts.progress.max = job.steps; parts.progress.value = job.step; }
    else if (job.state === "waiting") { parts.progress.max = 1; parts.progress.value = 0; }
    parts.remove.textContent = under ? "Cancel" : "Remove";
    parts.remove.setAttribute("aria-label", parts.remove.textContent + " " + job.name);
    if (parts.picture && job.thumbnail && !parts.picture.querySelector("img")) {
      parts.picture.replaceChildren(make("img", { src: "jobs/" + job.key + "/thumbnail", alt: "" }));
    } else if (parts.picture && !job.thumbnail && job.state === "failed") {
      parts.picture.textContent = "no preview";
    }
    if (parts.outcome !== job.state && !under) {
      parts.outcome = job.state;
      parts.outcomeBox.replaceChildren.apply(parts.outcomeBox, job.state === "failed" ? failure(job) : job.kind === "image" ? verdict(job) : counts(job));
    }
    if (said.get(job.key) !== job.state) {
      if (job.state === "working") { tell("Examining " + job.name); }
      if (job.state === "done") { tell(job.name + ": " + (job.kind === "image" ? job.result.headline : job.result.summary.join(" "))); }
      if (job.state === "failed") { tell(job.name + " could not be examined: " + job.error); }
      said.set(job.key, job.state);
    }
  }
  function failure(job) {
    return [make("p", { "class": "failed" }, [job.error === "Cancelled." ? "" : make("b", {}, "It could not be examined: "), job.error])];
  }
  function verdict(job) {
    var result = job.result, base = "jobs/" + job.key + "/", tab = { target: "_blank", rel: "noopener" };
    var lines = [make("p", { "class": "head" }, result.headline)];
    result.contradictions.forEach(function (text) { lines.push(make("p", {}, make("strong", {}, text))); });
    [result.what, result.how_often, result.then].forEach(function (text) {
      if (text) { lines.push(make("p", {}, text)); }
    });
    var actions = [
      link("Read the report", base + "report", Object.assign({ "aria-label": "Read the report of " + job.name + ", in a new tab" }, tab)),
      link("Print", base + "print", Object.assign({ "aria-label": "Print the report of " + job.name }, tab)),
      link("Download", base + "download", { download: "", "aria-label": "Download the report of " + job.name })
    ];
    actions[0].className = "button main";
    if (job.mode === "quick" && result.verdict !== "cannot-judge") {
      actions.push(button("Examine wholly", act(function () { return post(base + "whole"); })));
    }
    return [make("div", { "class": "verdict " + result.tone }, lines), make("div", { "class": "actions" }, actions)];
  }
  function counts(job) {
    var result = job.result, base = "jobs/" + job.key + "/", parts = [];
    result.summary.forEach(function (text) {
      parts.push(make("p", { "class": text.indexOf("In more ") === 0 ? "summary more" : "summary" }, text));
    });
    var heads = ["group", "said to be", "pictures", "traces found", "unclear", "no traces", "cannot be judged"];
    var rows = result.groups.map(function (group) {
      return make("tr", {}, [make("td", {}, make("bdi", {}, group.name)), make("td", {}, group.side)].concat(
        [group.pictures, group.evidence, group.inconclusive, group.none, group.cannot_judge].map(function (count) { return make("td", {}, String(count)); })));
    });
    parts.push(make("div", { "class": "scroll", tabindex: "0", role: "region", "aria-label": "Counts by group" }, make("table", {}, [
      make("thead", {}, make("tr", {}, heads.map(function (head) { return make("th", { scope: "col" }, head); }))), make("tbody", {}, rows)])));
    if (result.crop) {
      var figure = make("img", { src: base + "files/overview.png", alt: "Average spectra of the groups: a row for each group" });
      parts.push(make("figure", {}, [make("a", { href: base + "files/fingerprints.png", target: "_blank", rel: "noopener", "aria-label": "All figures of the spectra, in a new tab" }, figure),
        make("figcaption", {}, "The fine detail of the pictures of each group, averaged (squares of " + result.crop + " pixels). Regular bright dots are traces of enlarging, as many "
          + "generators do it. Saving as JPEG and resizing leave dots, too: compare a group with photographs of the same origin.")]));
    }
    if (result.shown.length) {
      parts.push(make("details", {}, [make("summary", {}, result.shown.length === 1 ? "The picture with traces" : "The " + result.shown.length + " pictures with most traces"), make("ul", { "class": "signs" }, result.shown.map(function (name, number) {
        var closer = button("Examine", act(function () { return post(base + "closer/" + number).then(function () { open(tabs[0]); tabs[0].focus(); }); }));
        closer.setAttribute("aria-label", "Examine " + name);
        return make("li", {}, [make("bdi", {}, name), closer]);
      }))]));
    }
    var notes = result.notes.concat(result.skipped.map(function (pair) { return "could not be read: " + pair[0] + " (" + pair[1] + ")"; }));
    if (notes.length) {
      parts.push(make("details", {}, [make("summary", {}, notes.length === 1 ? "1 note" : notes.length + " notes"), make("ul", {}, notes.map(function (note) { return make("li", {}, note); }))]));
    }
    var files = [link("Score of every picture (CSV)", base + "files/scores.csv", { download: "" })];
    if (result.crop) { files.push(link("Figure (PDF)", base + "files/fingerprints.pdf", { download: "" }), link("Spectra in numbers (CSV)", base + "files/summary.csv", { download: "" })); }
    parts.push(make("div", { "class": "actions" }, files));
    return parts;
  }

  // What the program does, asked for as long as the page is open; that it asks is how the program knows that it is open.
  function look() {
    clearTimeout(timer);
    if (ended) { return; }
    ask("GET", "state").then(function (state) {
      missed = 0;
      banner(state.broken ? "The detector cannot be loaded: " + state.broken : "");
      var keys = state.jobs.map(function (job) { return job.key; });
      cards.forEach(function (parts, key) {
        if (keys.indexOf(key) < 0) { drop(parts); cards.delete(key); said.delete(key); }
      });
      state.jobs.forEach(function (job) { update(job, state.ready || state.broken); });
      var under = state.jobs.some(function (job) { return job.state === "waiting" || job.state === "working"; });
      timer = setTimeout(look, under ? 700 : 3000);
    }, function () {
      missed += 1;
      if (missed > 1) { banner("The program does not answer any more. Start it again in the terminal: freqforensics app"); }
      timer = setTimeout(look, 1000);
    });
  }
  function drop(parts) {
    // Whoever was on this card by keyboard goes on at the next one.
    var held = parts.item.contains(document.activeElement), next = parts.item.nextElementSibling || parts.item.previousElementSibling;
    parts.item.remove();
    if (held) { (next ? next.querySelector("button") : id("choose")).focus(); }
  }

  id("close").addEventListener("click", function () { id("sure").showModal(); });
  id("sure").addEventListener("close", function () {
    if (id("sure").returnValue !== "yes") { return; }
    post("close").then(function () {
      ended = true;
      clearTimeout(timer);
      document.querySelector("main").replaceChildren(make("h1", { tabindex: "-1", id: "end" }, "Everything was deleted"),
        make("p", { role: "status" }, "The program has ended. You can close this tab. To start it again: freqforensics app"));
      id("end").focus();
    }, function (error) { banner(error.message); });
  });
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { look(); } });
  look();
})();
