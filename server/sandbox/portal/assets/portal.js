// The portal's own page: sliders, notifications, live parts. Plain script, no build.
(() => {
  'use strict';
  const body = document.body;

  // A slider is a page of the portal in a frame of its own over the page underneath; sliders open from the outermost page.
  const sliders = [];
  function openSlider(url, width) {
    if (window.parent !== window && window.parent.Portal) return window.parent.Portal.openSlider(url, width);
    const u = new URL(url, location.origin);
    u.searchParams.set('IFRAME', 'Y');
    u.searchParams.set('IFRAME_TYPE', 'SIDE_SLIDER');
    return new Promise((done) => {
      const box = document.createElement('div');
      box.className = 'slider';
      box.innerHTML = '<button class="shut" aria-label="' + body.dataset.close + '">×</button><div class="panel"><iframe></iframe></div>';
      if (width) box.style.setProperty('--w', width + 'px');
      const shut = () => {
        const i = sliders.indexOf(entry);
        if (i < 0) return;
        sliders.splice(i, 1);
        box.remove();
        done();
        refreshLive();
      };
      const entry = { shut, box };
      box.querySelector('.shut').onclick = shut;
      box.addEventListener('mousedown', (e) => { if (e.target === box) shut(); });
      box.querySelector('iframe').src = u.pathname + u.search;
      sliders.push(entry);
      body.append(box);
    });
  }
  function closeSlider() {
    if (window.parent !== window && window.parent.Portal) return window.parent.Portal.closeSlider();
    const top = sliders.at(-1);
    if (top) top.shut();
  }

  document.addEventListener('click', (e) => {
    const a = e.target.closest('a.slider-link');
    if (!a || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
    e.preventDefault();
    openSlider(a.getAttribute('href'));
  });
  addEventListener('keydown', (e) => { if (e.key === 'Escape') closeSlider(); });

  // Live parts: what carries data-live is fetched again and replaced when it has changed.
  async function refreshLive() {
    for (const part of document.querySelectorAll('[data-live]')) {
      const u = new URL(location.href);
      u.searchParams.set('fragment', part.id);
      try {
        const r = await fetch(u);
        if (!r.ok) continue;
        const doc = new DOMParser().parseFromString(await r.text(), 'text/html');
        for (const id of [part.id, 'fields']) {
          const fresh = doc.getElementById(id), old = document.getElementById(id);
          if (fresh && old && fresh.innerHTML !== old.innerHTML) old.innerHTML = fresh.innerHTML;
        }
      } catch { /* the server is away for a moment */ }
    }
  }

  let lastNote = null;
  async function poll() {
    try {
      const s = await (await fetch('/_page/live')).json();
      const badge = document.getElementById('note-count');
      if (badge) { badge.textContent = s.notes; badge.hidden = !s.notes; }
      if (lastNote !== null && s.last && s.last !== lastNote && badge) toast(s.text);
      lastNote = s.last;
      if (s.calls !== document.querySelectorAll('.callcard').length && badge) reloadCalls();
    } catch { /* the server is away for a moment */ }
    refreshLive();
  }
  async function reloadCalls() {
    const doc = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html');
    document.querySelectorAll('.callcard').forEach((c) => c.remove());
    doc.querySelectorAll('.callcard').forEach((c) => body.append(document.adoptNode(c)));
  }
  function toast(html) {
    const t = document.createElement('div');
    t.className = 'toast';
    t.innerHTML = html;
    (document.getElementById('toasts') || body).append(t);
    setTimeout(() => t.remove(), 6000);
  }
  setInterval(poll, 1500);
  poll();

  // A list to choose from, for selectUser, selectCRM and selectAccess.
  function choose(title, items, many) {
    return new Promise((done) => {
      const m = document.createElement('div');
      m.className = 'modal';
      m.innerHTML = '<div><h3></h3><ul></ul><footer><button class="btn primary"></button><button class="btn"></button></footer></div>';
      m.querySelector('h3').textContent = title;
      const [ok, no] = m.querySelectorAll('button');
      ok.textContent = body.dataset.choose;
      no.textContent = body.dataset.cancel;
      items.forEach((it, i) => {
        const li = document.createElement('li');
        li.innerHTML = '<label><input name="pick" value="' + i + '" type="' + (many ? 'checkbox' : 'radio') + '"><span></span></label>';
        li.querySelector('span').textContent = it.name || it.title;
        m.querySelector('ul').append(li);
      });
      const end = (v) => { m.remove(); done(v); };
      ok.onclick = () => end([...m.querySelectorAll('input:checked')].map((x) => items[x.value]));
      no.onclick = () => end([]);
      body.append(m);
    });
  }

  window.Portal = { openSlider, closeSlider, choose, toast, refreshLive, sliders };
})();
