// The page at the end of a consent (P1a): it closes by itself when the portal is connected, and by its button. A browser may refuse to close a window
// that no script opened; then the page says that a person may.
(() => {
  const page = document.getElementById('consent')
  const leave = () => {
    window.close()
    setTimeout(() => { document.getElementById('stays').hidden = false }, 500)
  }
  document.getElementById('close').addEventListener('click', leave)
  if (page.dataset.state === 'done') setTimeout(leave, 2500)
})()
