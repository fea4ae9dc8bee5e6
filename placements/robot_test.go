package placements

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/locales"
	"omni/server/account"
	"omni/server/account/directory"
	"omni/server/telephony"
)

// The robot is added once, updated when what it offers has changed, and left alone otherwise, or without the right.
func TestRobotToDo(t *testing.T) {
	t.Parallel()
	kinds := func(s robotState) (list []string) {
		for _, a := range robotToDo(s) {
			list = append(list, a.kind)
		}
		return list
	}
	require.Empty(t, kinds(robotState{}))
	require.Equal(t, RobotLack{}, robotState{}.lack())
	require.Equal(t, []string{"bizproc.robot.add"}, kinds(robotState{granted: true}))
	require.Equal(t, RobotLack{Missing: true}, robotState{granted: true}.lack())
	require.Equal(t, []string{"bizproc.robot.update"}, kinds(robotState{granted: true, listed: true}))
	require.Equal(t, RobotLack{Old: true}, robotState{granted: true, listed: true}.lack())
	require.Empty(t, kinds(robotState{granted: true, listed: true, current: true}))
	require.Empty(t, kinds(robotState{granted: true, refused: "no"}))
	require.Equal(t, RobotLack{Missing: true, Refused: "no"}, robotState{granted: true, refused: "no"}.lack())
}

// What is registered: names in every language, only lists that have something to choose, and a digest that follows them.
func TestRobotFields(t *testing.T) {
	t.Parallel()
	texts, err := locales.Load()
	require.NoError(t, err)
	i := &Installer{texts: texts, base: "https://omni.example"}
	properties := func(f map[string]any) map[string]any { return f["PROPERTIES"].(map[string]any) }
	bare := i.robot("ru", account.Robot{})
	require.Equal(t, "https://omni.example/bitrix24/robots/omni_call", bare["HANDLER"])
	require.Equal(t, "N", bare["USE_SUBSCRIPTION"])
	require.Equal(t, "OMNI: call the client", bare["NAME"].(map[string]any)["en"])
	require.NotContains(t, properties(bare), telephony.PropertyScenario)
	require.NotContains(t, properties(bare), telephony.PropertyNumber)
	full := i.robot("ru", account.Robot{Scenarios: []directory.Entry{{ID: "61", Name: "Основной"}},
		Numbers: []directory.Entry{{ID: "74950000031", Name: "Офис", Data: map[string]any{"type": "default"}}, {ID: "74950000032", Name: "74950000032", Data: map[string]any{"type": "default"}}}})
	options := func(name string) any { return properties(full)[name].(map[string]any)["Options"] }
	require.Equal(t, map[string]any{"61": "Основной"}, options(telephony.PropertyScenario))
	require.Equal(t, map[string]any{"74950000031": "Офис (74950000031)", "74950000032": "74950000032"}, options(telephony.PropertyNumber))
	for name, p := range properties(full) {
		for _, key := range []string{"Name", "Description"} {
			for lang, text := range p.(map[string]any)[key].(map[string]any) {
				require.NotContains(t, text, "robot.call.", "%s %s", name, lang)
			}
		}
	}
	one, err := digestOf(bare)
	require.NoError(t, err)
	same, err := digestOf(i.robot("ru", account.Robot{}))
	require.NoError(t, err)
	other, err := digestOf(full)
	require.NoError(t, err)
	require.Equal(t, one, same)
	require.NotEqual(t, one, other)
}
